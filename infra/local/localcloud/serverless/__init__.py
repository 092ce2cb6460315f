"""The serverless plane: ministack behind our own launcher, and what is patched in it."""
