"""Upload of a packed run to the Hugging Face Hub."""

from pathlib import Path

from glimpse.errors import UserError
from glimpse.runs.hub_run import RUN_FILES, first_line, import_hub


def upload_run(packed: Path, repository: str, private: bool) -> str:
    """Upload a packed run into a repository, which is made if it does not exist, and return its address.

    Whoever publishes is logged in by `hf auth login`, or by a token in HF_TOKEN.

    Args:
        packed: folder of the run.
        repository: OWNER/NAME.
        private: whether a new repository is visible to its owner alone.

    Raises:
        UserError: if the hub refuses it, or cannot be reached.
    """
    hub = import_hub()
    try:
        api = hub.HfApi()
        address = api.create_repo(repository, private=private, exist_ok=True)
        told = "Run of glimpse, with its card"
        patterns = list(RUN_FILES)
        api.upload_folder(repo_id=repository, folder_path=packed, allow_patterns=patterns, commit_message=told)
    except Exception as problem:  # Of the network and of the hub, in many classes.
        raise UserError(f"{repository} could not be published: {first_line(problem)}") from None
    return str(address)
