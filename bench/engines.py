"""The same counts by DuckDB and by polars, with all rules of section 5: the peers of the pipeline.

Written to be fast in these engines: JSON is parsed once a row, what is not needed is let go of
early, and only the few copies that differ are compared as a whole. They read what
`bench/exports.py` writes; what customers write would need more care: blanks of every script.
"""

import sys
from pathlib import Path

from bench.exports import TESTERS, VOIDS
from survey.settings import DEFAULT_RATING_QUESTION_ID, DEFAULT_SURVEY_ID

KEYS = (
    *("$survey_id", "ticketId", f"$survey_response_{DEFAULT_RATING_QUESTION_ID}"),
    *("$survey_response", "team", "ticketTeam", "link_trust"),
)
THREADS = 2
WHOLE_NUMBER = r"^(-?[0-9]+)\.0+$"

READ = f"""
CREATE TEMP TABLE answers AS
WITH read AS (
  SELECT uuid::UUID AS uuid, distinct_id, timestamp AS sent_at, filename,
         json_extract_string(properties, {[f'$."{key}"' for key in KEYS]}) AS p
  FROM read_parquet('{{files}}') WHERE event = 'survey sent'
), clean AS (
  SELECT uuid, sent_at, distinct_id, filename,
    p[1] = '{DEFAULT_SURVEY_ID}' AS is_ours,
    nullif(regexp_replace(trim(p[2]), '{WHOLE_NUMBER}', '\\1'), '') AS ticket,
    trim(coalesce(nullif(trim(p[3]), ''), p[4])) AS rating_text,
    -- arg_min passes over what is NULL
    coalesce(nullif(trim(p[5]), ''), p[6], '') AS team,
    (CASE p[7] WHEN 'signed' THEN 3 WHEN 'known' THEN 2 ELSE 1 END)::TINYINT AS trust
  FROM read
)
SELECT uuid, sent_at, is_ours, ticket, team, trust, filename,
  coalesce(nullif(trim(distinct_id), ''), 'ticket:' || coalesce(ticket, '')) AS person,
  CASE WHEN regexp_full_match(rating_text, '[1-5](\\.0+)?')
       THEN rating_text[1]::TINYINT END AS rating
FROM clean;

CREATE TEMP TABLE copies AS
SELECT * FROM answers WHERE uuid IN (SELECT uuid FROM answers GROUP BY uuid HAVING count(*) > 1)
QUALIFY rank() OVER (PARTITION BY uuid ORDER BY sent_at) = 1;

CREATE TEMP TABLE unlike AS
SELECT uuid FROM copies GROUP BY uuid
HAVING count(DISTINCT (is_ours, ticket, team, trust, person, rating)) > 1;
"""

# The properties of copies that differ, with sorted keys, and from them alone.
WEIGH = """
CREATE TEMP TABLE weights AS
SELECT uuid::UUID AS uuid, timestamp AS sent_at, filename,
  to_json(map_from_entries(list_sort(map_entries(properties::JSON::MAP(VARCHAR, JSON)))))::VARCHAR
    AS weight
FROM read_parquet({files}) WHERE uuid IN (SELECT uuid::VARCHAR FROM unlike);
"""
NO_WEIGHTS = (
    "CREATE TEMP TABLE weights (uuid UUID, sent_at TIMESTAMPTZ, filename TEXT, weight TEXT)"
)

COUNT = f"""
WITH single AS (
  FROM answers WHERE uuid NOT IN (SELECT uuid FROM copies)
  UNION ALL
  (SELECT DISTINCT ON (uuid) * FROM copies WHERE uuid NOT IN (FROM unlike))
  UNION ALL
  (SELECT copies.* FROM copies JOIN weights USING (uuid, sent_at, filename)
   QUALIFY row_number() OVER (PARTITION BY uuid ORDER BY weight DESC, person DESC) = 1)
), valid AS (
  SELECT uuid, sent_at, ticket, team, trust, person, rating FROM single
  WHERE is_ours AND ticket IS NOT NULL AND rating IS NOT NULL
    AND person NOT IN {TESTERS} AND ticket NOT IN {VOIDS}
), persons AS (
  SELECT ticket, arg_min(person, (4 - trust, sent_at, uuid)) AS person
  FROM valid GROUP BY ticket
), own AS (
  FROM valid SEMI JOIN persons USING (ticket, person)
), first AS (
  SELECT ticket, arg_min(team, (sent_at, uuid)) AS team, min(sent_at) AS first_at
  FROM own GROUP BY ticket
), latest AS (
  SELECT ticket, any_value(first.team) AS team, any_value(first_at) AS first_at,
    arg_max(rating, (sent_at, uuid)) AS rating
  FROM own JOIN first USING (ticket)
  WHERE sent_at <= first_at + INTERVAL 168 HOUR GROUP BY ticket
), by_team AS (
  SELECT strftime(timezone('Europe/London', first_at), '%Y-%m') AS month, team, rating,
    count(*) AS responses
  FROM latest GROUP BY ALL
)
SELECT month, coalesce(nullif(trim(regexp_replace(
    lower(team), '[^\\p{{L}}\\p{{N}}]+', '_', 'g'), '_'), ''), 'unassigned') AS team,
  rating, sum(responses)::BIGINT AS responses
FROM by_team GROUP BY ALL ORDER BY ALL
"""


def count_by_duckdb(folder: Path, out: Path) -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(READ.format(files=folder / "*.parquet*"))
    found = connection.execute("SELECT DISTINCT filename FROM copies SEMI JOIN unlike USING (uuid)")
    files = [name for (name,) in found.fetchall()]
    connection.execute(WEIGH.format(files=files) if files else NO_WEIGHTS)
    connection.execute(f"COPY ({COUNT}) TO '{out}' (HEADER)")


def count_by_polars(folder: Path, out: Path) -> None:
    import polars as pl

    survey, ticket, rating_by_id, rating, team, old_team, trust = (pl.col(key) for key in KEYS)

    def given(column: pl.Expr) -> pl.Expr:
        text = column.str.strip_chars()
        return pl.when(text != "").then(column)

    events = pl.scan_parquet(folder / "*.parquet*", include_file_paths="file")
    rating_text = given(rating_by_id).fill_null(rating).str.strip_chars()
    number = given(ticket).str.strip_chars().str.replace(WHOLE_NUMBER, "$1")
    answers = (
        events.filter(pl.col("event") == "survey sent")
        .select(
            *("uuid", "distinct_id", "timestamp", "file"),
            pl.col("properties").str.json_decode(pl.Struct(dict.fromkeys(KEYS, pl.String))),
        )
        .unnest("properties")
        .select(
            *("uuid", "timestamp", "file"),
            is_ours=(survey == DEFAULT_SURVEY_ID).fill_null(False),
            ticket=number,
            person=given(pl.col("distinct_id")).fill_null("ticket:" + number.fill_null("")),
            rating=pl.when(rating_text.str.contains(r"^[1-5](\.0+)?$")).then(
                rating_text.str.slice(0, 1).cast(pl.Int8)
            ),
            team=given(team).fill_null(old_team).cast(pl.Categorical),
            trust=trust.replace_strict({"signed": 3, "known": 2}, default=1, return_dtype=pl.Int8),
        )
        .collect(engine="streaming")
    )
    by_time = ["timestamp", "uuid"]
    is_copy = answers["uuid"].is_duplicated()
    copies = answers.filter(is_copy).filter(
        pl.col("timestamp") == pl.col("timestamp").min().over("uuid")
    )
    answer = ["is_ours", "ticket", "person", "rating", "team", "trust"]
    unlike = (
        copies.group_by("uuid")
        .agg(pl.struct(answer).n_unique())
        .filter(pl.col(answer[0]) > 1)["uuid"]
    )
    tied = copies.filter(pl.col("uuid").is_in(unlike.implode()))
    weights = (
        pl.scan_parquet(tied["file"].unique().to_list() or [], include_file_paths="file")
        .filter(pl.col("uuid").is_in(unlike.implode()))
        .select("uuid", "timestamp", "file", weight=pl.col("properties"))
        .collect()
        if len(tied)
        else tied.select("uuid", "timestamp", "file", weight=pl.lit(""))
    )
    import json

    weights = weights.with_columns(
        pl.col("weight").map_elements(
            lambda text: json.dumps(
                json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False
            ),
            return_dtype=pl.String,
        )
    )
    chosen = (
        tied.join(weights, on=["uuid", "timestamp", "file"])
        .sort("weight", "person", descending=True)
        .unique("uuid", keep="first", maintain_order=True)
        .drop("weight")
    )
    alike = copies.filter(~pl.col("uuid").is_in(unlike.implode())).unique("uuid", keep="any")
    single = pl.concat([answers.filter(~is_copy), alike, chosen])
    valid = (
        single.lazy()
        .filter(pl.col("is_ours") & pl.col("ticket").is_not_null() & pl.col("rating").is_not_null())
        .filter(~pl.col("person").is_in(TESTERS) & ~pl.col("ticket").is_in(VOIDS))
        .drop("is_ours", "file")
    )
    persons = (
        valid.sort(pl.col("trust"), *by_time, descending=[True, False, False])
        .unique("ticket", keep="first", maintain_order=True)
        .select("ticket", "person")
    )
    own = valid.join(persons, on=["ticket", "person"], how="semi").sort(by_time)
    window = pl.duration(hours=168)
    responses = own.group_by("ticket", maintain_order=False).agg(
        pl.col("timestamp").first(),
        pl.col("team").first(),
        pl.col("rating").filter(pl.col("timestamp") <= pl.col("timestamp").first() + window).last(),
    )
    slug = pl.col("team").cast(pl.String).str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "_")
    slug = slug.str.strip_chars("_")
    month = pl.col("timestamp").dt.convert_time_zone("Europe/London").dt.strftime("%Y-%m")
    (
        responses.group_by(month.alias("month"), "team", "rating")
        .len("responses")
        .with_columns(team=pl.when(slug != "").then(slug).fill_null(pl.lit("unassigned")))
        .group_by("month", "team", "rating")
        .agg(pl.col("responses").sum())
        .sort("month", "team", "rating")
        .collect()
        .write_csv(out)
    )


if __name__ == "__main__":
    count = {"duckdb": count_by_duckdb, "polars": count_by_polars}[sys.argv[1]]
    count(Path(sys.argv[2]), Path(sys.argv[3]))
