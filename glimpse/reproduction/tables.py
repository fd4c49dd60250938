"""All result tables of `glimpse reproduce`, by name. Nothing heavy is imported here."""

from glimpse.reproduction.image_tables import VISUAL_TABLES
from glimpse.reproduction.look_tables import LOOK_TABLES
from glimpse.reproduction.people_tables import PEOPLE_TABLES
from glimpse.reproduction.search_tables import SEARCH_TABLES
from glimpse.reproduction.table_entries import Published, Table, TableEntry
from glimpse.reproduction.text_tables import TEXT_TABLES
from glimpse.reproduction.translation_tables import TRANSLATION_TABLES

__all__ = ["TABLES", "TableEntry", "Published", "Table"]

TABLES: dict[str, Table] = {
    **VISUAL_TABLES,
    **LOOK_TABLES,
    **PEOPLE_TABLES,
    **TEXT_TABLES,
    **SEARCH_TABLES,
    **TRANSLATION_TABLES,
}
