"""How to cite the package: `CITATION.cff`, and metadata for Zenodo and DataCite.

https://github.com/citation-file-format/citation-file-format/blob/main/schema-guide.md,
https://developers.zenodo.org/#representation and https://schema.datacite.org/
"""

import json
import re
from collections.abc import Mapping

import yaml

from data_package.engine.package.facts import Facts

_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_ORCID = re.compile(r"https?://orcid\.org/(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")
_CREATORS = frozenset(
    ("author", "creator", "projectleader", "researcher", "datacollector", "datacurator")
)
# https://datacite-metadata-schema.readthedocs.io: contributorType
_DATACITE_ROLES = (
    *("ContactPerson", "DataCollector", "DataCurator", "DataManager", "Distributor", "Editor"),
    *("HostingInstitution", "Producer", "ProjectLeader", "ProjectManager", "ProjectMember"),
    *("RegistrationAgency", "RegistrationAuthority", "RelatedPerson", "Researcher"),
    *("ResearchGroup", "RightsHolder", "Sponsor", "Supervisor", "WorkPackageLeader", "Other"),
)


def citation_cff(facts: Facts) -> str | None:
    """`CITATION.cff`, version 1.2.0; None without an author, which it needs."""
    if not creators(facts):
        return None
    doi = doi_of(facts)
    properties: dict[str, object] = {
        "cff-version": "1.2.0",
        "message": "If you use these data, please cite them as below.",
        "type": "dataset",
        "title": facts.title,
        "authors": [_cff_person(one) for one in creators(facts)],
        "abstract": facts.text("description").strip(),
        "version": facts.text("version"),
        "date-released": facts.text("created")[:10],
        "license": spdx_names(facts),
        "keywords": facts.keywords,
        "doi": doi,
        "url": facts.text("homepage"),
    }
    kept = {name: value for name, value in properties.items() if value}
    text: str = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=100)
    return text


def zenodo_json(facts: Facts) -> str:
    """The metadata of a Zenodo deposit."""
    rights = facts.items("licenses")
    properties: dict[str, object] = {
        "upload_type": "dataset",
        "title": facts.title,
        "description": facts.text("description").strip() or facts.title,
        "version": facts.text("version"),
        "publication_date": facts.text("created")[:10],
        "creators": [_zenodo_person(one) for one in creators(facts)],
        "contributors": [
            {**_zenodo_person(one), "type": _datacite_role(one)} for one in helpers(facts)
        ],
        "keywords": facts.keywords,
        "license": next((str(one["name"]).lower() for one in rights if one.get("name")), ""),
        "related_identifiers": [
            {"identifier": path, "relation": "isDerivedFrom", "resource_type": "dataset"}
            for one in facts.items("sources")
            if (path := str(one.get("path") or "")).startswith("http")
        ],
    }
    kept = {name: value for name, value in properties.items() if value}
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


def datacite_json(facts: Facts) -> str:
    """The same as DataCite's metadata, version 4."""
    created = facts.text("created")
    doi = doi_of(facts)
    properties: dict[str, object] = {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "doi": doi,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Data Package"},
        "titles": [{"title": facts.title}],
        "creators": [_datacite_person(one) for one in creators(facts)],
        "contributors": [
            {**_datacite_person(one), "contributorType": _datacite_role(one)}
            for one in helpers(facts)
        ],
        "publicationYear": created[:4],
        "dates": [{"date": created[:10], "dateType": "Issued"}] if created else [],
        "version": facts.text("version"),
        "subjects": [{"subject": word} for word in facts.keywords],
        "descriptions": [
            {"description": text.strip(), "descriptionType": "Abstract"}
            for text in [facts.text("description")]
            if text
        ],
        "rightsList": [
            {
                key: value
                for key, value in (
                    ("rights", one.get("title") or one.get("name")),
                    ("rightsUri", one.get("path")),
                    ("rightsIdentifier", one.get("name")),
                )
                if value
            }
            for one in facts.items("licenses")
        ],
        "formats": ["application/vnd.apache.parquet"],
    }
    kept = {name: value for name, value in properties.items() if value}
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


def reference(facts: Facts) -> str:
    """The citation of the package, in one line."""
    return " ".join(filter(None, reference_and_address(facts)))


def reference_and_address(facts: Facts) -> tuple[str, str]:
    """The citation without the address that ends it, and the address; empty where there is none."""
    names = "; ".join(name_of(one) for one in creators(facts))
    year = facts.text("created")[:4]
    version = f", version {facts.text('version')}" if facts.text("version") else ""
    doi = doi_of(facts)
    place = f"https://doi.org/{doi}" if doi else facts.text("homepage")
    when = f"({year})" if year else ""
    # Without an author the title comes first, as citation styles have it.
    first = " ".join(filter(None, (names, when)))
    stem = f"{first}. {facts.title}" if names else f"{facts.title} {when}".strip()
    return f"{stem}{version} [data set].", place


def creators(facts: Facts) -> list[Mapping[str, object]]:
    """The contributors who are cited: by their role, or all where no role decides."""
    everyone = facts.items("contributors")
    chosen = [one for one in everyone if _CREATORS & {role.lower() for role in _roles(one)}]
    return chosen or everyone


def helpers(facts: Facts) -> list[Mapping[str, object]]:
    """The other contributors."""
    cited = creators(facts)
    return [one for one in facts.items("contributors") if one not in cited]


def name_of(one: Mapping[str, object]) -> str:
    """A contributor's name."""
    family, given = str(one.get("familyName") or ""), str(one.get("givenName") or "")
    both = f"{family}, {given}".strip(", ")
    return both or str(one.get("title") or one.get("organization") or one.get("email") or "")


def doi_of(facts: Facts) -> str:
    """The package's DOI, where its `id` is one."""
    found = _DOI.fullmatch(facts.text("id"))
    return found.group(1) if found else ""


def spdx_names(facts: Facts) -> list[str] | str:
    """The names of the licences."""
    names = [str(one["name"]) for one in facts.items("licenses") if one.get("name")]
    return names[0] if len(names) == 1 else names


def _roles(one: Mapping[str, object]) -> list[str]:
    roles = one.get("roles")
    return [str(role) for role in roles] if isinstance(roles, list) else []


def _cff_person(one: Mapping[str, object]) -> dict[str, str]:
    if not one.get("familyName") and not one.get("givenName"):
        return _kept({"name": name_of(one), "email": one.get("email")})
    return _kept(
        {
            "family-names": one.get("familyName"),
            "given-names": one.get("givenName"),
            "affiliation": one.get("organization"),
            "email": one.get("email"),
            "orcid": one.get("path") if _orcid(one) else None,
        }
    )


def _zenodo_person(one: Mapping[str, object]) -> dict[str, str]:
    return _kept(
        {"name": name_of(one), "affiliation": one.get("organization"), "orcid": _orcid(one)}
    )


def _datacite_person(one: Mapping[str, object]) -> dict[str, object]:
    person = bool(one.get("familyName") or one.get("givenName"))
    properties: dict[str, object] = {
        "name": name_of(one),
        "nameType": "Personal" if person else "Organizational",
        "givenName": one.get("givenName"),
        "familyName": one.get("familyName"),
        "affiliation": [{"name": one["organization"]}]
        if person and one.get("organization")
        else None,
        "nameIdentifiers": [
            {"nameIdentifier": f"https://orcid.org/{orcid}", "nameIdentifierScheme": "ORCID"}
        ]
        if (orcid := _orcid(one))
        else None,
    }
    return {name: value for name, value in properties.items() if value}


def _datacite_role(one: Mapping[str, object]) -> str:
    known = {role.lower(): role for role in _DATACITE_ROLES}
    return next((known[r.lower()] for r in _roles(one) if r.lower() in known), "Other")


def _orcid(one: Mapping[str, object]) -> str:
    found = _ORCID.fullmatch(str(one.get("path") or ""))
    return found.group(1) if found else ""


def _kept(properties: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in properties.items() if value}
