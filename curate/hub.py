"""The Hugging Face Hub. The only file that knows huggingface_hub."""

import sys
from pathlib import Path

from curate.errors import CurateError


def fetch_parquet(repository: str, revision: str | None) -> Path:
    """A folder with the Parquet files of a dataset repository, fetched into the Hub's cache."""
    from huggingface_hub import errors, snapshot_download
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # httpx: where its errors live
        disable_progress_bars,
        httpx,
        logging,
    )

    logging.set_verbosity_error()  # what it would warn of is said here, in one line
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        folder = snapshot_download(
            repository, repo_type="dataset", revision=revision, allow_patterns=["*.parquet"]
        )
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        raise CurateError(
            f"hf:{repository} is not on the Hub, or not open to you: check the name, or set HF_TOKEN"
        ) from None
    except errors.RevisionNotFoundError:
        raise CurateError(f"hf:{repository} has no revision '{revision}': leave out @{revision}") from None
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        raise CurateError(
            f"hf:{repository} is not in the local cache and the Hub is out of reach: connect, and try again"
        ) from None
    except (httpx.HTTPError, errors.HfHubHTTPError, OSError) as problem:
        reason = " ".join(str(problem).split())[:120] or type(problem).__name__
        raise CurateError(f"hf:{repository} could not be fetched ({reason}): try again") from None
    if not any(Path(folder).rglob("*.parquet")):
        raise CurateError(f"hf:{repository} has no Parquet files: use a dataset that has")
    return Path(folder)
