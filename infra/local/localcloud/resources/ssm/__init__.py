"""Systems Manager: managed instances, and Run Command that really runs.

moto's Run Command answers, but runs nothing and knows no agents. What is not Run Command, documents too, stays moto's.
"""
