"""What each command does: read a folder, call one package, write the card, print."""
