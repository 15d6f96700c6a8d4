"""A plan made then held against the plan made now: whether it is still the same, and what has moved where it is not."""

from collections.abc import Iterator, Mapping, Sequence

from mirrorsync.model.basis import Basis
from mirrorsync.model.plan import Plan

_NAMED = 5


def moved(then: Basis, before: Plan, now: Basis, after: Plan) -> tuple[str, ...]:
    """What keeps the plan `before`, made from `then`, from being carried out; nothing where the plan is the same and the tree too.

    A mirror that has moved without changing the plan keeps nothing from anything.
    """
    tree = tuple(_tree(then, now))
    return tree if tree or before == after else tuple(_upstream(then, before, now, after))


def _tree(then: Basis, now: Basis) -> Iterator[str]:
    if then.generation != now.generation:
        yield f"the tree has moved: generation {then.generation or 'none'} then, {now.generation or 'none'} now"
    elif then.seal != now.seal:
        yield f"the journal's record of generation {now.generation} is another"
    elif then.files != now.files:
        yield "the tree was changed by hand since"


def _upstream(then: Basis, before: Plan, now: Basis, after: Plan) -> Iterator[str]:
    mirrors = [name for name in sorted(then.mirrors.keys() | now.mirrors.keys()) if then.mirrors.get(name) != now.mirrors.get(name)]
    yield f"upstream has moved ({', '.join(mirrors)})" if mirrors else "the configuration is another"
    old, new = _entries(before), _entries(after)
    yield from _difference("now also", [text for text in new if text not in old])
    yield from _difference("no longer", [text for text in old if text not in new])


def _entries(plan: Plan) -> Mapping[str, None]:
    """The plan's decisions in words, in its order."""
    texts = [f"{entry.package.nevra} in" for entry in plan.incoming] + [f"{entry.package.nevra} out" for entry in plan.outgoing]
    texts += [f"boot images of {plan.images.build} in"] if plan.images else []
    return dict.fromkeys([*texts, *(f"{entry.nevra} held" for entry in plan.held)])


def _difference(word: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
        yield f"{word}: {', '.join(texts[:_NAMED])}{more}"
