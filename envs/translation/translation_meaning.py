"""What the numbers in the observations and answers of a translation environment mean."""

from pydantic import Field

from glimpse.envs.meaning import Meaning


class TranslationMeaning(Meaning):
    """Meaning of the tokens of both languages.

    languages: both vocabularies, as `Languages.to_json` writes them.
    learned_from: digest of the texts that they were learned from.
    """

    languages: str = Field(description="subwords")
    learned_from: str = Field(description="texts that the subwords were learned from")
