"""Documents that clients put and get whole: one module each, with what it means."""
