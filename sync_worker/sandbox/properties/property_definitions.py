"""Property definitions with options and groups, per object type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyOption:
    """One allowed value of an enumeration."""

    value: str
    label: str
    display_order: int
    hidden: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyDefinition:
    """Type, options and flags of a property."""

    name: str
    label: str
    type: str  # string, number, date, datetime, enumeration, bool, phone_number
    field_type: str
    group: str
    description: str = ""
    options: tuple[PropertyOption, ...] = ()
    display_order: int = -1
    hidden: bool = False
    form_field: bool = False
    unique: bool = False
    calculated: bool = False
    read_only: bool = False
    hubspot_defined: bool = False
    created: int = 0  # epoch milliseconds
    updated: int = 0
    archived_at: int | None = None

    @property
    def is_writable(self) -> bool:
        """Whether the API accepts values for this property."""
        return not (self.calculated or self.read_only)

    def option(self, value: str) -> PropertyOption | None:
        """Return the option with a value."""
        return next((option for option in self.options if option.value == value), None)

    def option_values(self) -> list[str]:
        """Return the option values in display order."""
        return [option.value for option in sorted(self.options, key=lambda option: option.display_order)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyGroup:
    """A property group."""

    name: str
    label: str
    display_order: int = -1


class PropertyCatalog:
    """The property definitions and groups of one object type."""

    def __init__(self, definitions: Iterable[PropertyDefinition], groups: Iterable[PropertyGroup]) -> None:
        self.definitions = {definition.name: definition for definition in definitions}
        self.groups = {group.name: group for group in groups}
        self.archived: dict[str, PropertyDefinition] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.definitions

    def get(self, name: str) -> PropertyDefinition | None:
        """Return a definition; archived ones are excluded."""
        return self.definitions.get(name)

    def save(self, definition: PropertyDefinition) -> None:
        """Add, replace or restore a definition."""
        self.archived.pop(definition.name, None)
        self.definitions[definition.name] = definition

    def archive(self, name: str, *, now: int) -> None:
        """Archive a property; its values remain and return when it is restored."""
        definition = self.definitions.pop(name, None)
        if definition is not None:
            self.archived[name] = replace(definition, archived_at=now)

    def properties_in_group(self, group: str) -> list[PropertyDefinition]:
        """Return the properties of a group."""
        return [definition for definition in self.definitions.values() if definition.group == group]

    def unique_property_names(self) -> set[str]:
        """Return the names of the properties with unique values."""
        return {definition.name for definition in self.definitions.values() if definition.unique}
