"""Stores of documents on disk: building and showing them."""

from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.documents.document_files import ENDINGS, other_endings
from glimpse.envs.documents.options import check_vectors
from glimpse.envs.documents.store_build import folder_store, store_path
from glimpse.envs.errors import DataError
from glimpse.envs.printed_lines import print_line


def show_store(folder: str, vectors: str, root: str | None, force: bool) -> None:
    """Build the store of a folder of documents, if it is not there yet, and print what is in it.

    Args:
        folder: The folder.
        vectors: Kind of the sentences' vectors; see `glimpse.envs.documents.sentence_vectors`.
        root: Data folder, for word vectors; GLIMPSE_DATA by default.
        force: Whether it is built again.

    Raises:
        DataError: There is no such folder or kind of vectors, or no document can be read.
    """
    try:
        check_vectors(vectors)
    except ValueError as fault:
        raise DataError(f"--vectors {fault}") from None
    search_path = SearchPath.of(root)
    store = folder_store(folder, vectors, search_path, force)
    facts, place = store.facts, store_path(store.facts.digest, vectors, search_path)
    size = sum(path.stat().st_size for path in place.iterdir())
    documents = f"{len(facts.files):,} document{'s' if len(facts.files) != 1 else ''}"
    print_line(f"{facts.name}: {documents}, {len(store):,} sentences, {store.word_count:,} words")
    print_line(f"vectors: {facts.vectors}, {store.vectors.shape[1]} numbers a sentence")
    print_line(f"store: {place} ({size / 1e6:,.1f} MB)")
    others = other_endings(user_path(folder, "the folder of documents"))
    left_out = [why for _, why in facts.skipped] + [_other_files(*each) for each in sorted(others.items())]
    if left_out:
        print_line(f"left out, {_files(len(facts.skipped) + others.total())}:")
        for why in left_out:
            print_line(f"  - {why}")


def _other_files(ending: str, count: int) -> str:
    """Say how many files have an ending that is not read."""
    named = f"whose name{'s end' if count != 1 else ' ends'} in {ending}" if ending else "without an ending"
    return f"{_files(count)} {named}: read are {', '.join(ENDINGS)}"


def _files(count: int) -> str:
    return f"{count:,} file{'s' if count != 1 else ''}"
