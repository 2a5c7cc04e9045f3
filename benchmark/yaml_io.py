"""YAML in and out, with numbers such as `1e-7` read as numbers and duplicate keys refused.

PyYAML follows YAML 1.1, in which `1e-7` (no dot) is a string; a weight written so would
silently be text. The loader here resolves every decimal literal that Python's `float` reads.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from benchmark.errors import FairbenchError

try:  # libyaml reads a run's configuration ten times as fast
    from yaml import CSafeDumper as SafeDumper
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # a PyYAML that was built without it
    from yaml import SafeDumper, SafeLoader  # type: ignore[assignment]

_FLOAT = re.compile(
    r"^[-+]?(?:(?:\d[\d_]*\.\d*|\.\d+)(?:[eE][-+]?\d+)?|\d[\d_]*[eE][-+]?\d+"
    r"|\.(?:inf|Inf|INF))$|^\.(?:nan|NaN|NAN)$"
)


_MERGE = "tag:yaml.org,2002:merge"


class _Loader(SafeLoader):
    """SafeLoader with exponents as floats and without silent overwriting of keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _MERGE:
                continue  # SafeLoader refuses the one and resolves the other
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key '{key}' is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:float"]
    for first, pairs in SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


class _Dumper(SafeDumper):
    """SafeDumper that quotes the texts which `_Loader` would read as numbers."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def parse_yaml(text: str, origin: str) -> Any:
    """Return the value that `text` holds; `origin` names the file or option in errors.

    Raises:
        FairbenchError: text that is not YAML, a key given twice, or a literal that is no value
            of its type (a date such as 2024-13-45).
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except ValueError as error:
        raise FairbenchError(f"{origin}: is not valid YAML: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise FairbenchError(f"{origin}:{where} is not valid YAML: {problem}") from error


def read_yaml(path: Path) -> Any:
    """Return the value that the YAML file holds, or raise an error that names the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FairbenchError(f"{path}: cannot be read ({error})") from error
    return parse_yaml(text, str(path))


def write_yaml(value: Any) -> str:
    """Return `value` as block-style YAML, keys in the order given."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    return text
