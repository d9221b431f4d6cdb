"""What `run` adds to schemathesis: values that reach resolvers, and checks that judge every answer.

Schemathesis by itself looks for little more than server errors, and its values are known to nobody: no id names anything, no code,
no version. So

- ids, codes, versions, cursors and years of the demonstration are put into most of what it makes (`map_body`); a part is moved into
  variables and named fragments, and asks for the other media type (`before_call`);
- `answer_fits` holds every answer against GraphQL over HTTP, against the schema and the document, against the codes of errors, and
  looks for what is nobody's business (SQL, paths, names of tables).

What was sent and what came back is counted into the file that JUDGE_FIGURES names.
"""

import atexit
import json
import os
import random
import re
import zlib
from collections import Counter

import requests
import schemathesis
from graphql import (
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NamedTypeNode,
    NameNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Undefined,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    parse,
    parse_type,
    print_ast,
    validate,
    value_from_ast_untyped,
    visit,
)
from hypothesis import strategies as st
from schemathesis.core.failures import Failure, Severity
from schemathesis.graphql import nodes

URL = os.environ["JUDGE_URL"]
READER = os.environ["JUDGE_READER"]
CALLER = os.environ.get("JUDGE_CALLER", "")
ROLE = os.environ.get("JUDGE_ROLE", "anonymous")

# src/graphql/error.rs; the last three are what the service must not say here.
REFUSALS = {
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "BAD_REQUEST",
    "QUERY_TOO_COMPLEX",
    "PERSISTED_QUERY_NOT_FOUND",
    "NOT_FOUND",
    "IDEMPOTENCY_CONFLICT",
    "RATE_LIMITED",
    "CURSOR_EXPIRED",
}
FAULTS = {"INTERNAL", "TIMEOUT", "UNAVAILABLE", "SLOW_CONSUMER"}
# Who is told that nothing was planned.
BEFORE_EXECUTION = {"BAD_REQUEST", "QUERY_TOO_COMPLEX", "UNAUTHENTICATED", "PERSISTED_QUERY_NOT_FOUND", "IDEMPOTENCY_CONFLICT"}

# Never in an answer; what callers wrote themselves is taken out first.
INTERNALS = re.compile(
    r"panicked|RUST_BACKTRACE|\bsqlx\b|\bsea_(?:orm|query)\b|\bsqlite\b|\basync_graphql\b|\btokio\b"
    r"|\b(?:src|registry)/[\w/.-]+\.rs|\.rs:\d+"
    r"|(?:^|[\s\"'(])/(?:root|tmp|home|usr|var|work|proc)/"
    r"|\b(?:SELECT|INSERT INTO|DELETE FROM|UPDATE)\s+[\"\w*(]|\bSQLITE_[A-Z]+|\bconstraint failed\b|\bviolates \w+ constraint|\bno such (?:table|column)\b",
    re.MULTILINE,
)
# Nor, in errors, the name of a table.
TABLES = re.compile(r"\b(?:" + "|".join(re.escape(name) for name in os.environ.get("JUDGE_TABLES", "change_log").split()) + r")\b")
NAMES = {
    "Date": re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"),
    "DateTime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"),
    "Period": re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2]))?"),
}


# What is there

def ask(query, variables=None, by=READER, refused=False):
    headers = {"authorization": by} if by else {}
    answer = requests.post(URL, json={"query": query, "variables": variables or {}}, headers=headers, timeout=60)
    answer.raise_for_status()
    body = answer.json()
    if body.get("errors") and not refused:
        raise RuntimeError(f"what is there cannot be read: {body['errors']}")
    return body.get("data")


# Schemathesis does not ask which inputs are @oneOf.
SCHEMA = build_client_schema(ask(get_introspection_query(one_of=True, specified_by_url=True, input_value_deprecation=True)))


def nodes_of(kind):
    """Asks each field of a type that gives nodes, one or many, for ids and versions."""
    asked = []
    for name, field in kind.fields.items():
        named = get_named_type(field.type)
        if any(is_non_null_type(argument.type) and argument.default_value is Undefined for argument in field.args.values()):
            continue
        many = named.name.endswith("Connection")
        node = get_named_type(named.fields["nodes"].type) if many else named
        if not is_object_type(node) or "id" not in node.fields:
            continue
        inner = "__typename id" + (" version" if "version" in node.fields else "")
        asked.append(f"{name}(first: 40) {{ pageInfo {{ endCursor }} nodes {{ {inner} }} }}" if many else f"{name} {{ {inner} }}")
    return "  ".join(asked)


def pool():
    """Ids by type, with versions, codes and cursors, of the demonstration; the district's administrator sees all of it."""
    ids, versions, cursors = {}, {}, {}

    def keep(value, weight):
        if isinstance(value, list):
            for each in value:
                keep(each, weight)
        elif isinstance(value, dict):
            if "id" in value and "__typename" in value:
                ids.setdefault(value["__typename"], []).extend([value["id"]] * weight)
                versions[value["id"]] = value.get("version")
            for name, each in value.items():
                if isinstance(each, dict) and "endCursor" in each.get("pageInfo", {}):
                    cursors.setdefault(name, []).append(each["pageInfo"]["endCursor"])
                keep(each, weight)

    keep(ask("{ " + nodes_of(SCHEMA.query_type) + " }"), 1)
    # What the tokens' branch and committee have, and what waits for the caller, more often than the rest.
    branch, organization = nodes_of(SCHEMA.type_map["Branch"]), nodes_of(SCHEMA.type_map["Organization"])
    keep(ask(f'{{ branch(by: {{ code: "HC-0001" }}) {{ __typename id version {branch} }} }}'), 8)
    keep(ask(f'{{ organization(by: {{ code: "HC-07" }}) {{ __typename id version {organization} }} }}'), 4)
    own = [f"{{ {each} }}" for each in nodes_of(SCHEMA.query_type).split("  ")]
    for query in [*own, "{ viewer { todos { node { __typename id } } } }"]:
        keep(ask(query, by=CALLER, refused=True), 6)
    more = ask("{ branches(first: 40) { nodes { code } } organizations(first: 30) { nodes { code } } pointSources { code } changes(first: 3) { cursor } }")
    return {
        "ids": ids,
        "versions": versions,
        "cursors": {name: [each for each in given if each] for name, given in cursors.items()},
        "change": more["changes"]["cursor"],
        "codes": [each["code"] for each in more["branches"]["nodes"]] + ["HC-0001"] * 10,
        "organizations": [each["code"] for each in more["organizations"]["nodes"]] + ["HC-07"] * 5,
        "sources": [each["code"] for each in more["pointSources"]],
    }


def send_examiner(subject):
    """Nobody examines in the demonstration until somebody is sent."""
    checks = ask("{ healthChecks(first: 40, filter: { stages: [RECTIFICATION, RECHECK] }) { nodes { id version } } }")["healthChecks"]["nodes"]
    for each in checks:
        ask(
            "mutation ($input: AssignExaminersInput!) { assignExaminers(input: $input) { userErrors { code } } }",
            {"input": {"healthCheckId": each["id"], "version": each["version"], "subjects": [subject]}},
        )


if os.environ.get("JUDGE_EXAMINER"):
    send_examiner(os.environ["JUDGE_EXAMINER"])
POOL = pool()
EVERY_ID = [each for kind in sorted(POOL["ids"]) for each in POOL["ids"][kind]]

# Scalars of the contract that schemathesis does not know, and days as the demonstration has them.
DAYS = st.dates().map(str) | st.integers(0, 800).map(lambda n: f"202{1 + n // 360}-{1 + n // 30 % 12:02}-{1 + n % 28:02}")
schemathesis.graphql.scalar("Date", DAYS.map(nodes.String))
schemathesis.graphql.scalar(
    "DateTime",
    st.tuples(DAYS, st.times().map(lambda t: t.isoformat(timespec="seconds")), st.sampled_from(["Z", "+08:00"]))
    .map(lambda parts: f"{parts[0]}T{parts[1]}{parts[2]}")
    .map(nodes.String),
)
schemathesis.graphql.scalar("Period", st.sampled_from(["2022", "2022-07", "2021", "9999-12", "0000"]).map(nodes.String))
schemathesis.graphql.scalar(
    "Points",
    st.integers(-500, 500).map(nodes.Int)
    | st.sampled_from(["0.25", "-7.5", "1e3", "1000000000", "0.001"]).map(nodes.Float),
)
schemathesis.graphql.scalar("ChangeCursor", st.just(POOL["change"]).map(nodes.String) | st.text(max_size=20).map(nodes.String))


# What is sent

def chance(document):
    """The same document is always made into the same one, so that what fails fails again."""
    return random.Random(zlib.crc32(print_ast(document).encode()))


def kind_of(*hints):
    """The type of node that an argument's, an input's or a field's name is about."""
    for hint in hints:
        fitting = [kind for kind in POOL["ids"] if kind.lower() in hint.lower()]
        if fitting:
            return max(fitting, key=len)
    return None


class Known(Visitor):
    """Puts what is there into arguments."""

    def __init__(self, info, dice):
        super().__init__()
        self.info, self.dice = info, dice
        self.fields, self.last = [], None

    def enter_field(self, node, *_):
        self.fields.append(node.name.value)
        # A page is asked for from one end.
        names = {argument.name.value for argument in node.arguments or ()}
        if not names & {"last", "before"} or self.dice.random() < 0.05:
            return None
        gone = self.dice.choice([{"last", "before"}, {"last", "before", "after"}, {"first", "after"}, {"first", "after", "before"}])
        arguments = tuple(argument for argument in node.arguments if argument.name.value not in gone)
        return FieldNode(
            name=node.name, alias=node.alias, arguments=arguments, directives=node.directives, selection_set=node.selection_set
        )

    def leave_field(self, *_):
        self.fields.pop()

    def enter_object_value(self, node, *_):
        kind = get_named_type(self.info.get_input_type())
        if isinstance(kind, GraphQLInputObjectType) and kind.is_one_of and len(node.fields) != 1:
            fields = node.fields or ()
            named = [field for field in fields if field.name.value in ("id", "code")] or list(fields)
            if named and self.dice.random() < 0.95:
                return ObjectValueNode(fields=(self.dice.choice(named),))
            return None
        # A version is that of what was named before it.
        in_order = sorted(node.fields or (), key=lambda field: field.name.value == "version")
        return ObjectValueNode(fields=tuple(in_order)) if in_order != list(node.fields or ()) else None

    def value(self, node, name):
        expected = get_nullable_type(self.info.get_input_type())
        if expected is None or self.dice.random() < 0.12:
            return None
        owner = self.info.get_parent_input_type()
        owner = get_named_type(owner).name if owner is not None else ""
        field = self.fields[-1] if self.fields else ""
        kind = getattr(expected, "name", "")
        if isinstance(node, NullValueNode):
            return None
        if kind == "ID":
            wanted = kind_of(name, owner.removesuffix("Input"), field)
            ids = POOL["ids"].get(wanted) if self.dice.random() < 0.9 else None
            self.last = self.dice.choice(ids or EVERY_ID)
            return StringValueNode(value=self.last)
        if kind == "Int":
            if name in ("first", "last"):
                return IntValueNode(value=str(self.dice.choice([1, 2, 3, 5, 10, 10, 50, 200])))
            if name == "version":
                known = POOL["versions"].get(self.last)
                return IntValueNode(value=str(known if known and self.dice.random() < 0.7 else self.dice.randint(1, 4)))
            if name == "year" or name.endswith("Year"):
                return IntValueNode(value=str(self.dice.choice([2022, 2022, 2022, 2023, 2021])))
            if self.dice.random() < 0.6:
                return IntValueNode(value=str(self.dice.choice([0, 1, 2, 3, 4, 5, 9, 30, 100])))
        if kind == "String":
            if name in ("after", "before"):
                own = POOL["cursors"].get(field) or [""]
                every = [each for given in POOL["cursors"].values() for each in given]
                return StringValueNode(value=self.dice.choice(own if self.dice.random() < 0.9 else every))
            if name == "sourceCode" or field == "pointSource":
                return StringValueNode(value=self.dice.choice(POOL["sources"] * 5 + ["LOCAL", "NONE"]))
            if "code" in name.lower():
                codes = POOL["organizations"] if "rganization" in owner + field else POOL["codes"]
                return StringValueNode(value=self.dice.choice(codes + ["X-1", "HC-9999"]))
            if name == "contactPhone":
                return StringValueNode(value="0592-6051234")
            if self.dice.random() < 0.5:
                return StringValueNode(value=self.dice.choice(["党员教育", "结对共建", "Review", "红色邻里", "a%_'\"\\", "x" * 300, "支部 " * 9]))
        return None

    def leaf(self, node, key, parent, path, ancestors):
        if not is_leaf_type(get_nullable_type(self.info.get_input_type()) or SCHEMA.query_type):
            return None
        name = next((a.name.value for a in reversed([*ancestors, parent]) if hasattr(a, "name") and hasattr(a, "value")), "")
        return self.value(node, name)

    def enter_string_value(self, node, *at):
        return self.leaf(node, *at)

    def enter_int_value(self, node, *at):
        return self.leaf(node, *at)


class Shapes(Visitor):
    """Writes selections as clients write them: in fragments, under directives, with names of types."""

    def __init__(self, info, dice):
        super().__init__()
        self.info, self.dice, self.fragments = info, dice, []

    def leave_selection_set(self, node, *_):
        parent = self.info.get_parent_type()
        if parent is None or parent in (SCHEMA.query_type, SCHEMA.mutation_type) or self.dice.random() > 0.2:
            return None
        on = NamedTypeNode(name=NameNode(value=parent.name))
        selections = list(node.selections)
        what = self.dice.randrange(4)
        if what == 0:
            name = self.dice.choice(["__typename", "__typename @include(if: true)", "t: __typename @skip(if: false)"])
            selections.insert(0, parse(f"{{ {name} }}").definitions[0].selection_set.selections[0])
        elif what == 1:
            each = self.dice.randrange(len(selections))
            inner = SelectionSetNode(selections=(selections[each],))
            selections[each] = InlineFragmentNode(type_condition=on, directives=(), selection_set=inner)
        elif what == 2:
            name = f"F{len(self.fragments)}"
            self.fragments.append(
                FragmentDefinitionNode(name=NameNode(value=name), variable_definitions=(), type_condition=on, directives=(), selection_set=node)
            )
            selections = [FragmentSpreadNode(name=NameNode(value=name), directives=())]
        elif len(selections) > 1:
            each = self.dice.randrange(len(selections))
            if isinstance(selections[each], FieldNode):
                word = self.dice.choice(["include", "skip"])
                condition = parse(f"{{ a @{word}(if: {self.dice.choice(['true', 'false'])}) }}").definitions[0]
                directive = condition.selection_set.selections[0].directives
                old = selections[each]
                selections[each] = FieldNode(
                    name=old.name, alias=old.alias, arguments=old.arguments, directives=directive, selection_set=old.selection_set
                )
        return SelectionSetNode(selections=tuple(selections))


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, DocumentNode) or validate_loosely(body):
        return body  # meant to be invalid: it stays so
    dice = chance(body)
    info = TypeInfo(SCHEMA)
    body = visit(body, TypeInfoVisitor(info, Known(info, dice)))
    info = TypeInfo(SCHEMA)
    shapes = Shapes(info, dice)
    if context.operation.label.startswith("Mutation."):
        body = with_user_errors(body)
    body = visit(body, TypeInfoVisitor(info, shapes))
    if dice.random() < 0.08:
        info = TypeInfo(SCHEMA)
        body = visit(body, TypeInfoVisitor(info, Wrong(info, dice, dice.randint(1, 3))))
    if shapes.fragments:
        body = DocumentNode(definitions=(*body.definitions, *shapes.fragments))
    return body


class Wrong(Visitor):
    """Breaks one rule of validation that schemathesis' invalid documents do not: they break types of arguments and names of fields."""

    def __init__(self, info, dice, at):
        super().__init__()
        self.info, self.dice, self.at = info, dice, at

    def leave_selection_set(self, node, *_):
        self.at -= 1
        parent = self.info.get_parent_type()
        if self.at != 0 or parent is None:
            return None
        plain = [name for name, field in getattr(parent, "fields", {}).items() if is_leaf_type(get_named_type(field.type)) and not field.args]
        one, other = self.dice.choice(plain or ["__typename"]), self.dice.choice(plain or ["__typename"])
        on = parent.name
        text = self.dice.choice(
            [
                f"{one} @nothing",
                "__typename @nothing",
                "t: __typename @include(if: true) @include(if: true)",
                "... @nothing { __typename }",
                f"same: {one} same: {other}",
                f"same: __typename ... on {on} {{ same: {one} }}",
                f"... on {on} {{ same: {one} }} ... {{ same: {other} }}",
                "__typename @skip(if: null)",
                f"{one} @include",
                f"{one} @deprecated",
                "__typename { __typename }",
                "...Nowhere",
            ]
        )
        return SelectionSetNode(selections=(*node.selections, *parse(f"{{ {text} }}").definitions[0].selection_set.selections))


USER_ERRORS = parse("{ userErrors { code message path } }").definitions[0].selection_set.selections[0]


def with_user_errors(document):
    """What a rule refuses is in there."""
    operation = document.definitions[0]
    roots = [
        FieldNode(
            name=root.name,
            alias=root.alias,
            arguments=root.arguments,
            directives=root.directives,
            selection_set=SelectionSetNode(selections=(*root.selection_set.selections, USER_ERRORS)),
        )
        for root in operation.selection_set.selections
    ]
    operation = OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=operation.variable_definitions,
        directives=operation.directives,
        selection_set=SelectionSetNode(selections=tuple(roots)),
    )
    return DocumentNode(definitions=(operation, *document.definitions[1:]))


def validate_loosely(document):
    """Whether it breaks the schema otherwise than by a @oneOf input, of which schemathesis does not know."""
    return [error for error in validate(SCHEMA, document) if "OneOf" not in error.message and "exactly one" not in error.message.lower()]


class IntoVariables(Visitor):
    """Moves arguments into variables."""

    def __init__(self, info, dice):
        super().__init__()
        self.info, self.dice = info, dice
        self.definitions, self.values = [], {}

    def enter_argument(self, node, *_):
        expected = self.info.get_input_type()
        if expected is None or self.dice.random() < 0.3 or not self.moves(node.value):
            return None
        name = f"v{len(self.definitions)}"
        # What may be left out, sometimes is: then the argument counts as left out too (October 2021, section 6.4.1).
        optional = not is_non_null_type(expected) or self.info.get_default_value() is not Undefined
        if optional and self.dice.random() < 0.2:
            expected = get_nullable_type(expected)
        else:
            self.values[name] = json_of(node.value)
            # A variable that may be null where nothing may is not valid, whatever its value.
            if not optional and self.dice.random() < 0.05:
                expected = get_nullable_type(expected)
        self.definitions.append(
            VariableDefinitionNode(variable=VariableNode(name=NameNode(value=name)), type=parse_type(str(expected)), default_value=None, directives=())
        )
        return type(node)(name=node.name, value=VariableNode(name=NameNode(value=name)))

    def moves(self, value):
        return not isinstance(value, (VariableNode, NullValueNode))


def json_of(value):
    if isinstance(value, EnumValueNode):
        return value.value
    if isinstance(value, ListValueNode):
        return [json_of(each) for each in value.values]
    if isinstance(value, ObjectValueNode):
        return {field.name.value: json_of(field.value) for field in value.fields}
    return value_from_ast_untyped(value)


@schemathesis.hook
def before_call(context, case, kwargs):
    if not isinstance(case.body, str):
        return
    dice = random.Random(zlib.crc32(case.body.encode()))
    if dice.random() < 0.5:
        case.headers["Accept"] = "application/graphql-response+json"
    if dice.random() < 0.5:
        case.headers["Accept-Language"] = "en"
    if case.operation.label.startswith("Mutation.") and dice.random() < 0.3:
        case.headers["Idempotency-Key"] = f'"{zlib.crc32(case.body.encode()):08x}"'
    phase = case.meta.phase.name.value if case.meta else ""
    if phase == "stateful" or dice.random() < 0.5:
        return
    try:
        document = parse(case.body)
    except Exception:
        return
    if validate(SCHEMA, document):
        return
    info = TypeInfo(SCHEMA)
    moved = IntoVariables(info, dice)
    try:
        document = visit(document, TypeInfoVisitor(info, moved))
        operation = document.definitions[0]
    except Exception:
        return
    # A fragment's variables would be the operation's too; whatever is there is defined once.
    if not moved.definitions:
        return
    operation = OperationDefinitionNode(
        operation=operation.operation,
        name=NameNode(value="Moved"),
        variable_definitions=tuple(moved.definitions),
        directives=(),
        selection_set=operation.selection_set,
    )
    document = DocumentNode(definitions=(operation, *document.definitions[1:]))
    case.body = json.dumps({"query": print_ast(document), "variables": moved.values, "operationName": "Moved"}).encode()


# What comes back

class AnswerDoesNotFit(Failure):
    """An answer that is not what the contract says."""

    code = "ST901"
    checks = ("answer_fits",)
    kind_title = "Answer does not fit"
    __slots__ = ("rule",)

    def __init__(self, *, operation, rule, message):
        super().__init__(operation=operation, title=f"Answer does not fit: {rule}", message=message, severity=Severity.HIGH)
        self.rule = rule

    @property
    def _unique_key(self):
        return self.rule


class Misfit(Exception):
    def __init__(self, rule, message):
        super().__init__(message)
        self.rule = rule


def require(condition, rule, message):
    if not condition:
        raise Misfit(rule, message)


def included(selection, variables):
    for directive in selection.directives or ():
        wanted = {"include": True, "skip": False}.get(directive.name.value)
        if wanted is None:
            continue
        value = directive.arguments[0].value
        value = variables[value.name.value] if isinstance(value, VariableNode) else value.value
        if value is not wanted:
            return False
    return True


class Reader:
    """Holds data against document and schema (October 2021, sections 6.3 and 6.4)."""

    def __init__(self, document, variables, errors):
        self.variables = variables
        self.fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self.failed = {tuple(error["path"]) for error in errors if "path" in error}
        self.seen = set()

    def reaches(self, kind, selection_sets, steps):
        """Whether what fails at these steps below an object, or an item of a list, makes that null: there is nothing between that may be."""
        if is_abstract_type(kind):
            return any(self.reaches(each, selection_sets, steps) for each in SCHEMA.get_possible_types(kind))
        fields = {}
        for selection_set in selection_sets:
            self.collect(kind, selection_set, fields)
        asked = fields.get(steps[0])
        if asked is None or asked[0].name.value not in kind.fields:
            return False
        return self.reaches_value(
            kind.fields[asked[0].name.value].type, [each.selection_set for each in asked if each.selection_set], steps[1:]
        )

    def reaches_value(self, kind, inner, steps):
        if not is_non_null_type(kind):
            return False
        if not steps:
            return True
        return self.reaches_nullable(kind.of_type, inner, steps)

    def reaches_nullable(self, kind, inner, steps):
        if is_list_type(kind):
            return self.reaches_value(kind.of_type, inner, steps[1:])
        return self.reaches(kind, inner, steps)

    def explained(self, kind, inner, path):
        """A null is a value, a failure here, or one from below that nothing stopped."""
        below = [failed for failed in self.failed if failed[: len(path)] == path and len(failed) > len(path)]
        if not below or path in self.failed:
            return True
        return any(self.reaches_nullable(kind, inner, failed[len(path) :]) for failed in below)

    def collect(self, kind, selection_set, into):
        for selection in selection_set.selections:
            if not included(selection, self.variables):
                continue
            if isinstance(selection, FieldNode):
                key = (selection.alias or selection.name).value
                into.setdefault(key, []).append(selection)
                continue
            if isinstance(selection, FragmentSpreadNode):
                selection = self.fragments[selection.name.value]
            condition = selection.type_condition
            on = SCHEMA.type_map[condition.name.value] if condition else kind
            if on is kind or (is_abstract_type(on) and SCHEMA.is_sub_type(on, kind)):
                self.collect(kind, selection.selection_set, into)
        return into

    def object(self, kind, selection_sets, value, path):
        require(isinstance(value, dict), "an object is an object", f"{path}: {value!r:.80}")
        if is_abstract_type(kind):
            told = [v for v in value.values() if isinstance(v, str) and v in SCHEMA.type_map]
            kinds = [each for each in SCHEMA.get_possible_types(kind) if each.name in told] or SCHEMA.get_possible_types(kind)
            misfit = None
            for each in kinds:
                try:
                    return self.object(each, selection_sets, value, path)
                except Misfit as error:
                    misfit = error
            raise misfit
        fields = {}
        for selection_set in selection_sets:
            self.collect(kind, selection_set, fields)
        require(
            list(value) == list(fields),
            "fields as asked, in their order",
            f"{path}: asked {list(fields)}, came {list(value)}",
        )
        for key, asked in fields.items():
            name = asked[0].name.value
            if name == "__typename":
                require(value[key] == kind.name, "__typename", f"{path}: {value[key]!r} of {kind.name}")
                continue
            definition = kind.fields[name]
            if value[key] is not None:
                self.seen.add(f"{kind.name}.{name}")
            inner = [each.selection_set for each in asked if each.selection_set]
            self.value(definition.type, inner, value[key], (*path, key), f"{kind.name}.{name}")

    def value(self, kind, inner, value, path, where):
        if is_non_null_type(kind):
            require(value is not None, "null where the schema has none", f"{where} at {path}")
            kind = kind.of_type
        if value is None:
            require(
                self.explained(kind, inner, path), "null goes no further than it must", f"{where} at {path}: {sorted(map(str, self.failed))}"
            )
            return
        require(path not in self.failed, "a field that failed is null", f"{where} at {path}: {value!r:.80}")
        if is_list_type(kind):
            require(isinstance(value, list), "a list is a list", f"{where} at {path}: {value!r:.80}")
            for index, each in enumerate(value):
                self.value(kind.of_type, inner, each, (*path, index), where)
        elif isinstance(kind, GraphQLEnumType):
            require(value in kind.values, "an enum's value", f"{where} at {path}: {value!r:.80} of {kind.name}")
        elif is_leaf_type(kind):
            require(scalar_fits(kind.name, value), "a scalar's value", f"{where} at {path}: {value!r:.80} of {kind.name}")
        else:
            self.object(kind, inner, value, path)


def scalar_fits(kind, value):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "Int":
        return isinstance(value, int) and number and -(2**31) <= value < 2**31
    if kind == "Float":
        return number
    if kind == "Points":
        return number and abs(value * 100 - round(value * 100)) < 1e-4
    if kind == "Boolean":
        return isinstance(value, bool)
    return isinstance(value, str) and (kind not in NAMES or NAMES[kind].fullmatch(value) is not None)


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def judge(response, request):
    """Raises Misfit; says what it was: (kind of answer, codes, fields with values)."""
    status = response.status_code
    content_type = next((value[0] for name, value in response.headers.items() if name.lower() == "content-type"), "")
    accept = request.headers.get("Accept", "")
    media = "application/graphql-response+json" if "graphql-response" in accept else "application/json"
    require(content_type.split(";")[0].strip() == media, "content type as asked", f"{content_type!r} to Accept: {accept}")
    require("charset=utf-8" in content_type.lower(), "charset=utf-8", content_type)
    names = {name.lower() for name in response.headers}
    require("x-request-id" in names, "every answer has its id", str(sorted(names)))
    require(not names & {"server", "x-powered-by"}, "no headers that tell what it is made of", str(sorted(names)))

    body = json.loads(response.content.decode())
    sent = json.loads(request.body)
    require(isinstance(body, dict), "a map", f"{body!r:.80}")
    require(set(body) <= {"data", "errors", "extensions"}, "no other members", str(sorted(body)))
    require("data" in body or "errors" in body, "data or errors", str(sorted(body)))
    errors = body.get("errors", [])
    require(isinstance(errors, list) and ("errors" not in body or errors), "errors are not empty", f"{errors!r:.80}")
    has_data = body.get("data") is not None

    codes = []
    for error in errors:
        require(isinstance(error, dict), "an error is a map", f"{error!r:.80}")
        require(set(error) <= {"message", "locations", "path", "extensions"}, "no other members of errors", str(sorted(error)))
        require(isinstance(error.get("message"), str) and error["message"], "a message", f"{error!r:.200}")
        for place in error.get("locations", []):
            require(
                set(place) == {"line", "column"} and all(isinstance(n, int) and n > 0 for n in place.values()),
                "locations from 1",
                f"{error!r:.300}",
            )
        require("locations" not in error or error["locations"], "locations are not empty", f"{error!r:.300}")
        for step in error.get("path", []):
            require(isinstance(step, (str, int)), "steps of a path", f"{error!r:.300}")
        code = error.get("extensions", {}).get("code")
        require(code in REFUSALS or code in FAULTS, "extensions.code is of the contract", f"{code!r}: {error!r:.300}")
        require(code not in FAULTS, f"no {code}", f"{error!r:.400}")
        require(code != "RATE_LIMITED", "nobody is limited here", f"{error!r:.300}")
        codes.append(code)

    # Status (GraphQL over HTTP, section 6.4), as docs and src/http/graphql.rs have it.
    executed = "data" in body
    guard = {"QUERY_TOO_COMPLEX": {400, 413}, "UNAUTHENTICATED": {401}, "FORBIDDEN": {200}, "IDEMPOTENCY_CONFLICT": {409, 422}}
    if executed and not (codes and set(codes) <= set(guard)):
        require(status == 200, "200 where it was executed", f"{status}: {codes}")
    elif not executed:
        allowed = guard.get(codes[0], {400} if media != "application/json" else {200, 400})
        require(status in allowed, "the status of a refusal", f"{status}: {codes}")
    if not executed:
        require(not any("path" in error for error in errors), "no path where nothing was executed", f"{errors!r:.300}")

    # Nothing of the inside, but for what the caller wrote.
    said = {text for text in texts(sent.get("variables"))}
    for error in errors:
        for text in texts(error):
            for own in sorted(said | set(re.findall(r'"((?:[^"\\]|\\.)*)"', sent["query"])), key=len, reverse=True):
                text = text.replace(own, "") if len(own) > 3 else text
            found = INTERNALS.search(text) or TABLES.search(text)
            require(not found, "nothing of the inside", f"{found and found.group()!r} in {text!r:.300}")
    if INTERNALS.search(response.content.decode()):
        for text in texts(body.get("data")):
            found = INTERNALS.search(text)
            require(not found or text in said or text in sent["query"], "nothing of the inside", f"{found and found.group()!r} in {text!r:.300}")

    for payload in (body.get("data") or {}).values():
        for each in payload.get("userErrors") or [] if isinstance(payload, dict) else []:
            found = TABLES.search(each.get("message", ""))
            require(not found, "nothing of the inside", f"{found and found.group()!r} in {each!r:.300}")

    document = None
    try:
        document = parse(sent["query"])
    except Exception as error:
        require(not has_data, "what cannot be parsed is refused", str(error))
    seen, valid = set(), False
    if document is not None:
        problems = validate(SCHEMA, document)
        valid = not problems
        if problems:
            require(not has_data, "what is not valid is refused", f"{problems[0].message}")
        elif not executed and codes == ["BAD_REQUEST"]:
            # But for values that no client's validation knows: those of scalars, and of variables.
            scalars = ("Invalid value for argument", "Failed to parse", "Expected input type")
            message, variable = errors[0]["message"], errors[0]["extensions"].get("variable")
            require(
                re.split(r"[.\[]", variable or "")[0] in (sent.get("variables") or {}) or message.startswith(scalars),
                "what is valid is taken",
                f"{message!r:.300}",
            )
        if valid and executed:
            operation = document.definitions[0]
            root = SCHEMA.mutation_type if operation.operation.value == "mutation" else SCHEMA.query_type
            reader = Reader(document, sent.get("variables") or {}, errors)
            for error in errors:
                require("path" in error, "an error of a field has a path", f"{error!r:.300}")
                unread = error["message"].startswith(("Expected input type", "Failed to parse"))
                require(not unread, "arguments of a valid document can be read", f"{error!r:.300}")
                place = body["data"]
                for step in error["path"]:
                    if place is None:
                        break
                    try:
                        place = place[step]
                    except (KeyError, IndexError, TypeError):
                        raise Misfit("a path leads somewhere", f"{error!r:.300}") from None
                require(place is None, "a field that failed is null", f"{error!r:.300}")
            if body["data"] is None:
                require(bool(errors), "no data, then errors", "")
                require(
                    reader.explained(root, [operation.selection_set], ()),
                    "null goes no further than it must",
                    f"data: {errors!r:.300}",
                )
            else:
                reader.object(root, [operation.selection_set], body["data"], ())
            seen = reader.seen
    if errors:
        outcome = "partial" if has_data else "refused"
    else:
        outcome = "data"
    return outcome, codes, seen, valid, body


FIGURES = {"sent": Counter(), "outcome": Counter(), "codes": Counter(), "status": Counter(), "userErrors": Counter(), "shape": Counter(), "refused": Counter()}
FIELDS, REACHED, WRITTEN, SLOWEST = set(), Counter(), Counter(), []


@schemathesis.check
def answer_fits(ctx, response, case):
    try:
        judge(response, response.request)
    except Misfit as misfit:
        raise AnswerDoesNotFit(operation=case.operation.label, rule=misfit.rule, message=str(misfit)) from None


@schemathesis.hook
def after_call(context, case, response):
    label = case.operation.label
    kind = label.split(".")[0].lower()
    FIGURES["sent"][kind] += 1
    FIGURES["status"][str(response.status_code)] += 1
    sent = json.loads(response.request.body)
    FIGURES["shape"]["variables" if sent.get("variables") else "literals"] += 1
    if "fragment F" in sent["query"]:
        FIGURES["shape"]["fragments"] += 1
    SLOWEST.append((round(response.elapsed, 3), label))
    SLOWEST.sort(reverse=True)
    del SLOWEST[5:]
    try:
        outcome, codes, seen, valid, body = judge(response, response.request)
    except Exception as error:
        FIGURES["outcome"][f"{kind}: misfit"] += 1
        FIGURES["codes"][f"misfit: {getattr(error, 'rule', error)}"] += 1
        return
    FIGURES["outcome"][f"{kind}: {outcome}"] += 1
    FIGURES["shape"]["valid" if valid else "invalid"] += 1
    for code in set(codes):
        FIGURES["codes"][code] += 1
    if valid and outcome == "refused":
        FIGURES["refused"][re.sub(r"[\d\W_]+", " ", body["errors"][0]["message"])[:60]] += 1
    FIELDS.update(seen)
    if outcome != "refused":
        REACHED[label] += 1
    if kind == "mutation" and isinstance(body.get("data"), dict):
        for payload in body["data"].values():
            if not isinstance(payload, dict):
                continue
            told = [each.get("code", "?") for key, value in payload.items() if key == "userErrors" and value for each in value]
            for code in set(told):
                FIGURES["userErrors"][code] += 1
            if not told and payload.get("userErrors") == []:
                WRITTEN[label] += 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A refusal that the contract has is no server error, though schemathesis takes what it does not know for one."""
    errors = getattr(failure, "errors", None)
    if not errors or response.status_code >= 500:
        return True
    return not all(error.get("extensions", {}).get("code") in REFUSALS for error in errors)


@atexit.register
def tell():
    target = os.environ.get("JUDGE_FIGURES")
    if not target:
        return
    roots = [f"{root.name}.{name}" for root in (SCHEMA.query_type, SCHEMA.mutation_type) for name in root.fields]
    fields = sum(len(kind.fields) for name, kind in SCHEMA.type_map.items() if is_object_type(kind) and not name.startswith("__"))
    figures = {name: dict(sorted(each.items())) for name, each in FIGURES.items()}
    figures.update(
        role=ROLE,
        fields_with_a_value=f"{len(FIELDS)} of {fields}",
        never_answered=[label for label in roots if label not in REACHED],
        written=dict(sorted(WRITTEN.items())),
        slowest=SLOWEST,
    )
    with open(target, "w", encoding="utf-8") as file:
        json.dump(figures, file, ensure_ascii=False, indent=1)
