"""What every area needs: parameters, files, text, git, and how a command ends."""
