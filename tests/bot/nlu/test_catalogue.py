from __future__ import annotations

import json
import os
from pathlib import Path

from bot.nlu.catalogue import Catalogue


def write(path: Path, names: list[str]) -> None:
    rows = [
        {"id": f"p{i}", "name": n, "kind": "plan", "price": "59.00"} for i, n in enumerate(names)
    ]
    path.write_text(json.dumps({"offers": rows}, ensure_ascii=False), "utf-8")


def test_absent_then_there_then_changed(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    catalogue = Catalogue(path)
    assert catalogue.offers() == ()
    write(path, ["暢享５９元"])
    first = catalogue.offers()
    assert first[0].names == ("畅享59元",)
    assert catalogue.offers() is first
    write(path, ["畅享59元", "青春19元"])
    os.utime(path, (1, 1))
    assert len(catalogue.offers()) == 2


def test_a_broken_file_keeps_what_was_known(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    write(path, ["畅享59元"])
    catalogue = Catalogue(path)
    assert len(catalogue.offers()) == 1
    path.write_text("{", "utf-8")
    assert len(catalogue.offers()) == 1
