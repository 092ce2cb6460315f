"""The local cloud: an AWS on one machine out of two emulators, made more like AWS and never kinder."""
