"""A tool of one's own: copy this file into `<config>/tools/`."""

from c2jy_bridge.plugin import tool


@tool(policy="allow", timeout_s=10)
def reading_time(text: str, characters_per_second: float = 4.5) -> dict:
    """Estimate how long a narrator needs to read a text aloud.

    Args:
        text: What is read; blanks and punctuation are not counted.
        characters_per_second: Chinese is read at 4 to 5 characters a second.
    """
    spoken = sum(character.isalnum() for character in text)
    return {"message": f"{spoken / characters_per_second:.1f} s", "seconds": spoken / characters_per_second}
