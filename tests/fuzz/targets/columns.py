"""Properties of events, one JSON text to a line, in a Parquet file: what is read by columns is what
is read one by one, or is left over."""

import pyarrow as pa

from tests.pipeline.test_parquet_columns import batch_of, check_batch, check_comments

SEEDS = (
    b'{"$survey_id":"ours","ticketId":42.0,"$survey_response_R":"4.0","team":"Web analytics"}\n'
    b'{"ticketId":" 42 ","$survey_response":5,"$survey_response_1":"Thanks \\ud83e\\udd94"}\n'
    b'{"ticketId":"42","$survey_response_C":["x"],"ticketTeam":{},"link_trust":"signed"}',
    b'{"ticketId":1e2,"ticketId":2,"$survey_response":"\\u0664","$survey_language":"de"}\n'
    b'{"a":{"b":[1,{"ticketId":9}]},"ticketId":true}\nnull\n\n[]\n',
    b'{"ticketId":123456789012345678901234567890,"$survey_response_R":null,"team":"\\u00a0"}',
    b'{"link_trust":"known","link_proof":"0f","ticketId":"","$survey_response_R":"\\u00005"}',
)


def check(data: bytes) -> None:
    """Raise AssertionError for a row that two readers read differently."""
    texts = [line.decode("utf-8", "replace") for line in data.split(b"\n")[:8]]
    batch: pa.Table = batch_of(texts)
    check_batch(batch)
    check_comments(batch)
