"""What Sitrep talks to: real servers in processes of their own, and stand-ins for the rest."""
