"""The stand-in's surveys, insights and dashboards, with what PostHog does to them."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

from demo.behaviour import Behaviour, Script
from demo.standin_access import AccessList, answer_with
from demo.standin_hogql import Event, recorded_events
from demo.wire import Refusal, read_object
from survey.clock import now

if TYPE_CHECKING:
    from demo.standin import PostHogStandIn

# The kinds of things, as the API names the lists of them → the object in the scope of a key.
KINDS = {"surveys": "survey", "insights": "insight", "dashboards": "dashboard"}

_PATH = re.compile(r"/(\w+)/(?:([\w-]+)/)?")
# The fields of each kind that can be set, with what stands there otherwise. What is not here is
# ignored, as tags are by a PostHog whose plan has none.
_SURVEY: Mapping[str, Any] = {
    "name": "",
    "description": "",
    "type": "popover",
    "schedule": "once",
    "enable_partial_responses": None,
    "questions": [],
    "start_date": None,
    "end_date": None,
    "archived": False,
}
_INSIGHT: Mapping[str, Any] = {
    "name": None,
    "description": "",
    "query": None,
    "saved": False,
    "deleted": False,
    "dashboards": [],
}
_DASHBOARD: Mapping[str, Any] = {"name": "", "description": "", "deleted": False}
_FIELDS = {"surveys": _SURVEY, "insights": _INSIGHT, "dashboards": _DASHBOARD}
_LONGEST_TEXT = 4_000

Thing = dict[str, Any]


class SetupService:
    """Keeps surveys, insights and dashboards as their JSON objects, and evaluates insights.

    `things` holds them by kind; tests change them as people do by hand. `asked` holds method and
    path of all requests. `behave` makes the service fail. `next_survey_id` is the id of the next
    survey, where it must be a certain one. `history` returns events that were sent before those
    that the stand-in has received: insights count them, too.
    """

    def __init__(self, standin: "PostHogStandIn", access: AccessList) -> None:
        self._standin = standin
        self._access = access
        self._scripts = {method: Script() for method in ("GET", "POST", "PATCH")}
        self._lock = threading.RLock()
        self._numbers = 100
        self.things: dict[str, list[Thing]] = {kind: [] for kind in KINDS}
        self.asked: list[str] = []
        self.next_survey_id: str | None = None
        self.history: Callable[[], Iterable[Event]] = tuple
        self.clock = now

    def behave(self, method: str, behaviour: Behaviour, times: int | None = None) -> None:
        """Treat the next `times` requests of a method like this, after the earlier calls have been
        followed. Without `times`, drop the earlier calls and treat all of them like this from now
        on."""
        self._scripts[method].add(behaviour, times)

    def respond(self, method: str, path: str, authorization: str, body: bytes) -> Behaviour:
        """Return what the handler must do with a request, including the answer."""
        behaviour = self._scripts[method].next()
        parts = urlsplit(path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            self.asked.append(f"{method} {parts.path.split('/', 4)[4]}")
            if not behaviour.accepts:
                return behaviour
            return answer_with(
                behaviour,
                lambda: self._answer(method, parts.path, authorization, asked, body),
            )

    def evaluate(self, insights: Iterable[Thing]) -> list[dict[str, Any]]:
        """Return columns and rows of insights, by their queries. Raise Refusal."""
        # What evaluates is imported only for that: it takes longer than all of the stand-in.
        from demo.standin_sql import evaluate

        received = recorded_events(self._standin.submissions())
        queries = [each["query"]["source"]["query"] for each in insights]
        return evaluate(queries, [*self.history(), *received], self.clock())

    def _answer(
        self, method: str, path: str, authorization: str, asked: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        kind = path.split("/")[4]
        scope = f"{KINDS[kind]}:{'read' if method == 'GET' else 'write'}"
        match = _PATH.fullmatch(self._access.check(path, authorization, scope))
        if match is None:
            raise _not_found()
        number = match[2]
        if method == "GET":
            return 200, self._list(kind, asked) if number is None else self._read(
                kind, number, asked
            )
        given = read_object(body)
        if method == "POST" and number is None:
            return 201, self._create(kind, given)
        if method == "PATCH" and number is not None:
            return 200, self._change(kind, self._find(kind, number), given)
        raise Refusal(405, "method_not_allowed", f'Method "{method}" not allowed.')

    def _list(self, kind: str, asked: Mapping[str, str]) -> dict[str, Any]:
        limit, offset = int(asked.get("limit", 100)), int(asked.get("offset", 0))
        there = [each for each in self.things[kind] if not each.get("deleted")]
        page = [_without_tiles(self._show(kind, each)) for each in there[offset : offset + limit]]
        further = urlencode({**asked, "limit": limit, "offset": offset + limit})
        address = f"{self._standin.url}/api/projects/1/{kind}/?{further}"
        is_more = offset + limit < len(there)
        return {"count": len(there), "next": address if is_more else None, "results": page}

    def _read(self, kind: str, number: str, asked: Mapping[str, str]) -> dict[str, Any]:
        thing = self._find(kind, number)
        shown = self._show(kind, thing)
        if kind == "insights" and asked.get("refresh"):
            return {**shown, **self.evaluate([thing])[0]}
        return shown

    def _create(self, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        fields = _FIELDS[kind]
        self._numbers += 1
        number: int | str = self._numbers
        if kind == "surveys":
            number, self.next_survey_id = self.next_survey_id or str(uuid4()), None
        thing: Thing = {"id": number, **fields, "tags": []}
        if kind == "dashboards":
            thing["tiles"] = []
        # Tiles are not made with a dashboard.
        known = {name: value for name, value in given.items() if name in fields}
        self._change(kind, thing, known)
        self.things[kind].append(thing)
        return self._show(kind, thing)

    def _change(self, kind: str, thing: Thing, given: Mapping[str, Any]) -> dict[str, Any]:
        known = {name: value for name, value in given.items() if name in _FIELDS[kind]}
        if kind == "surveys":
            self._check_name(thing, known)
        if "questions" in known:
            known["questions"] = [_with_id(each) for each in known["questions"]]
        if "dashboards" in known:
            self._put_on_dashboards(thing, known.pop("dashboards"))
        thing.update(known)
        for tile in given.get("tiles", []) if kind == "dashboards" else ():
            self._change_tile(thing, tile)
        return self._show(kind, thing)

    def _check_name(self, survey: Thing, given: Mapping[str, Any]) -> None:
        others = [each["name"] for each in self.things["surveys"] if each is not survey]
        if given.get("name") in others:
            raise Refusal(400, "unique", "There is already another survey with this name.")

    def _put_on_dashboards(self, insight: Thing, numbers: Iterable[int]) -> None:
        """Give the insight a tile on each of these dashboards, and on no other one."""
        wanted = set(numbers)
        boards = {each["id"]: each for each in self.things["dashboards"] if not each["deleted"]}
        if wanted - set(boards):
            raise Refusal(400, "does_not_exist", "Invalid pk - object does not exist.")
        for number, board in boards.items():
            own = [each for each in board["tiles"] if each["insight"] == insight["id"]]
            for tile in own:
                tile["deleted"] = number not in wanted
            if number in wanted and not own:
                self._add_tile(board, insight=insight["id"])

    def _change_tile(self, board: Thing, given: Mapping[str, Any]) -> None:
        """Change a tile, or make one of a text without an id, as PostHog does each time."""
        tile = next((each for each in board["tiles"] if each["id"] == given.get("id")), None)
        text = given.get("text")
        if text is not None and len(text["body"]) > _LONGEST_TEXT:
            raise Refusal(400, "max_length", "Ensure this field has no more than 4000 characters.")
        if tile is None:
            if text is None:
                return
            tile = self._add_tile(board)
        if text is not None and text.get("id") is None:
            self._numbers += 1
            tile["text"] = {"id": self._numbers, "body": text["body"]}
        elif text is not None:
            if tile["text"] is None or tile["text"]["id"] != text["id"]:
                raise Refusal(400, "invalid_input", "Text tile not found.")
            tile["text"]["body"] = text["body"]
        tile.update({name: given[name] for name in ("layouts", "deleted") if name in given})

    def _add_tile(self, board: Thing, insight: int | None = None) -> Thing:
        self._numbers += 1
        tile: Thing = {"id": self._numbers, "insight": insight, "text": None, "layouts": {}}
        board["tiles"].append({**tile, "deleted": False})
        made: Thing = board["tiles"][-1]
        return made

    def _show(self, kind: str, thing: Thing) -> dict[str, Any]:
        if kind == "dashboards":
            return self._show_tiles(thing)
        if kind == "insights":
            return {**thing, "dashboards": [each["id"] for each in self._boards_with(thing)]}
        return thing

    def _boards_with(self, insight: Thing) -> Iterator[Thing]:
        for board in self.things["dashboards"]:
            tiles = (each for each in board["tiles"] if each["insight"] == insight["id"])
            if not board["deleted"] and any(not each["deleted"] for each in tiles):
                yield board

    def _show_tiles(self, board: Thing) -> dict[str, Any]:
        insights = {each["id"]: each for each in self.things["insights"] if not each["deleted"]}
        tiles = [
            {**tile, "insight": insights.get(tile["insight"])}
            for tile in board["tiles"]
            if not tile["deleted"] and (tile["text"] or tile["insight"] in insights)
        ]
        return {**board, "tiles": tiles}

    def _find(self, kind: str, number: str) -> Thing:
        for thing in self.things[kind]:
            if str(thing["id"]) == number and not thing.get("deleted"):
                return thing
        raise _not_found()


def _without_tiles(thing: Thing) -> Thing:
    return {name: value for name, value in thing.items() if name != "tiles"}


def _with_id(question: Mapping[str, Any]) -> Thing:
    """Return a question with its id; one without gets a new one, by which its answers are lost."""
    return {**question, "id": question.get("id") or str(uuid4())}


def _not_found() -> Refusal:
    return Refusal(404, "not_found", "Not found.")
