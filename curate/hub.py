"""The Hugging Face Hub. The only file that knows huggingface_hub."""

from pathlib import Path

from curate.errors import CurateError


def fetch_parquet(repository: str, revision: str | None) -> list[Path]:
    """The Parquet files of a dataset repository, fetched into the Hub's cache; sorted by path."""
    from huggingface_hub import errors, snapshot_download
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # where its errors live

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
    files = sorted(Path(folder).rglob("*.parquet"))
    if not files:
        raise CurateError(f"hf:{repository} has no Parquet files: use a dataset that has")
    return files
