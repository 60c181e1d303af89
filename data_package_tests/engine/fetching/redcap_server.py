"""REDCap's API as it is documented, with its oddities, on this machine."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs

TOKEN = "0123456789abcdef0123456789abcd77"
Row = Mapping[str, object]
# A status, headers and a body that come before the answer.
Answer = tuple[int, Mapping[str, str], str]


def field_of(name: str, form: str, kind: str = "text", **more: str) -> Row:
    """A row of a data dictionary."""
    return {
        "field_name": name,
        "form_name": form,
        "section_header": "",
        "field_type": kind,
        "field_label": name.title(),
        "select_choices_or_calculations": "",
        "field_note": "",
        "text_validation_type_or_show_slider_number": "",
        "text_validation_min": "",
        "text_validation_max": "",
        "identifier": "",
        "branching_logic": "",
        "required_field": "",
        "field_annotation": "",
        **more,
    }


@dataclass
class Redcap:
    """A project; `first` are answers that come before any other."""

    dictionary: Sequence[Row]
    records: Sequence[Row]
    events: Mapping[str, str] = field(default_factory=dict)
    mapping: Sequence[tuple[str, str]] = ()
    repeating: Sequence[tuple[str, str]] = ()
    missing: str = ""
    rights: Callable[[str], bool] = lambda name: True
    first: list[Answer] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, form: dict[str, str]) -> Answer:
        self.asked.append(form)
        if self.first:
            return self.first.pop(0)
        if form.get("token") != TOKEN:
            words = "You do not have permissions to use the API"
            return 403, {}, json.dumps({"error": words})
        content = form["content"]
        if not self.events and content in ("event", "formEventMapping"):
            words = "You cannot export events for classic projects"
            return 400, {}, json.dumps({"error": words})
        if not self.repeating and content == "repeatingFormsEvents":
            return 400, {}, json.dumps({"error": "No repeating instruments planted22"})
        return 200, {}, json.dumps(getattr(self, f"_{content.lower()}")(form))

    def _project(self, form: Mapping[str, str]) -> Row:
        return {
            "project_title": "Heart",
            "is_longitudinal": int(bool(self.events)),
            "has_repeating_instruments_or_events": int(bool(self.repeating)),
            "missing_data_codes": self.missing,
        }

    def _instrument(self, form: Mapping[str, str]) -> Sequence[Row]:
        names = dict.fromkeys(str(row["form_name"]) for row in self.dictionary)
        return [{"instrument_name": n, "instrument_label": f"<b>{n.title()}</b>"} for n in names]

    def _event(self, form: Mapping[str, str]) -> Sequence[Row]:
        return [
            {"event_name": label, "arm_num": "1", "unique_event_name": name}
            for name, label in self.events.items()
        ]

    def _formeventmapping(self, form: Mapping[str, str]) -> Sequence[Row]:
        return [{"arm_num": 1, "unique_event_name": e, "form": f} for e, f in self.mapping]

    def _repeatingformsevents(self, form: Mapping[str, str]) -> Sequence[Row]:
        found = [{"event_name": e, "form_name": f} for e, f in self.repeating]
        return found if self.events else [{"form_name": row["form_name"]} for row in found]

    def _metadata(self, form: Mapping[str, str]) -> Sequence[Row]:
        return self.dictionary

    def _columns(self, row: Row) -> list[tuple[str, str]]:
        if row["field_type"] != "checkbox":
            return [("", str(row["field_name"]))]
        codes = [
            part.partition(",")[0].strip()
            for part in str(row["select_choices_or_calculations"]).split("|")
        ]
        return [(code, f"{row['field_name']}___{code.lower().replace('-', '_')}") for code in codes]

    def _exportfieldnames(self, form: Mapping[str, str]) -> Sequence[Row]:
        return [
            {
                "original_field_name": row["field_name"],
                "choice_value": code,
                "export_field_name": column,
            }
            for row in self.dictionary
            if row["field_type"] != "descriptive"
            for code, column in self._columns(row)
        ]

    def _record(self, form: Mapping[str, str]) -> Sequence[Row]:
        asked = {value for key, value in form.items() if key.startswith("records[")}
        events = {value for key, value in form.items() if key.startswith("events[")}
        forms = {value for key, value in form.items() if key.startswith("forms[")}
        record = str(self.dictionary[0]["field_name"])
        columns = {record: ""}
        for row in self.dictionary:
            if row["form_name"] in forms and row["field_type"] != "descriptive":
                blank = "0" if row["field_type"] == "checkbox" else ""
                columns |= {name: blank for _, name in self._columns(row)}
        columns |= {f"{name}_complete": "" for name in forms}
        if self.events:
            columns = {record: "", "redcap_event_name": "", **columns}
        if self.repeating:
            columns |= {"redcap_repeat_instrument": "", "redcap_repeat_instance": ""}
        return [
            {name: row.get(name, blank) for name, blank in columns.items() if self.rights(name)}
            for row in self.records
            if (not asked or row[record] in asked)
            and (not events or row.get("redcap_event_name") in events)
        ]


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        """Ask no name server for the name of this machine."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]


@contextmanager
def served(project: Redcap) -> Iterator[str]:
    """Serve a project; gives the address of its API."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {key: values[0] for key, values in parse_qs(body).items()}
            status, headers, words = project.answer(form)
            if status == 0:
                self.connection.close()
                return
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(words.encode())

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/"
        finally:
            server.shutdown()
            thread.join()
