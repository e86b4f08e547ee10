"""Numbers by which answers to one ticket, and copies of one event, are brought together.

Two that share a number by chance are brought together, too, which changes nothing: so hashes serve.
"""

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.parts import SPREAD, Array
from pipeline.reduced import NO_TICKET, numbers


def ticket_keys(answers: pa.Table) -> Array:
    """A number for each answer's ticket; one without a ticket has that of its uuid."""
    keys: Array = numbers(answers, "ticket").astype(np.uint64) * SPREAD
    texts = answers.column("ticket_text")
    has_none = (numbers(answers, "ticket") == NO_TICKET) & np.asarray(texts.is_null())
    return _put_hashes(np.where(has_none, uuid_keys(answers), keys), texts)


def uuid_keys(answers: pa.Table) -> Array:
    """A number for each answer's uuid."""
    keys = numbers(answers, "uuid_high") * SPREAD + numbers(answers, "uuid_low")
    return _put_hashes(keys, answers.column("odd_uuid"))


def _put_hashes(keys: Array, texts: pa.ChunkedArray) -> Array:
    """The keys, with the hash of the text in place of those that have one."""
    if texts.null_count < len(texts):
        words = texts.drop_null().to_numpy().astype(object)
        keys[np.asarray(texts.is_valid())] = pd.util.hash_array(words)
    return keys
