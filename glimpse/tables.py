"""The tables of `glimpse reproduce`, by name. Nothing heavy is imported here."""

from glimpse.table_entries import Entry, Published, Table
from glimpse.text_tables import TEXT_TABLES
from glimpse.translation_tables import TRANSLATION_TABLES
from glimpse.visual_tables import VISUAL_TABLES

__all__ = ["TABLES", "Entry", "Published", "Table"]

TABLES: dict[str, Table] = {**VISUAL_TABLES, **TEXT_TABLES, **TRANSLATION_TABLES}
