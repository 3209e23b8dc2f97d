"""The measurements behind the README's figures, as commands."""
