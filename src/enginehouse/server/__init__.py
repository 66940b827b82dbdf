"""What answers over HTTP. ``pip install 'enginehouse[server]'`` brings what it needs."""
