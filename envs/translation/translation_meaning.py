"""What the numbers in the observations and answers of a translation environment mean."""

from typing import Any

from pydantic import Field

from glimpse.envs.meaning import Meaning


class TranslationMeaning(Meaning):
    """Meaning of the tokens of both languages.

    languages: both vocabularies, as `Languages.to_json` writes them.
    learned_from: digest of the texts that they were learned from, or of those of training, where a run took the
        subwords of an earlier one; "" for other data, which may be any.
    """

    languages: str = Field(description="subwords")
    learned_from: str = Field(description="texts that the subwords were learned from")

    def contradiction(self, found: Meaning) -> str | None:
        """Describe the first difference, as `Meaning.contradiction`."""
        return super().contradiction(found if self.learned_from else found.model_copy(update={"learned_from": ""}))

    def for_other_data(self, options: Any) -> "TranslationMeaning":
        """Return what must hold for other data: they need not be what the subwords were learned from."""
        return self.model_copy(update={"learned_from": ""})

    def continuing(self, earlier: Meaning) -> Meaning:
        """Return the meaning with the earlier run's subwords, into which these texts are divided."""
        return earlier.model_copy(update={"learned_from": self.learned_from})
