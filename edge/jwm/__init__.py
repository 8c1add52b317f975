"""The JWM WM-5000T guard tour reader: its words, its session and what its records mean."""
