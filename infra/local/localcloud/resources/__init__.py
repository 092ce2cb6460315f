"""The resource plane: moto behind checks, faults, permissions and events that it lacks."""
