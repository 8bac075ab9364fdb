"""What keeps an installation healthy: migrations, backups, verification, demonstration data."""
