"""The form of the DSA Transparency Database, as a JSON Schema written from its documentation.
Reads a list of statements, and prints what does not fit."""

import json
import sys

import jsonschema_rs

EUROPE = """AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE
IS LI NO""".split()
CATEGORIES = """ANIMAL_WELFARE CONSUMER_INFORMATION CYBER_VIOLENCE CYBER_VIOLENCE_AGAINST_WOMEN
DATA_PROTECTION_AND_PRIVACY_VIOLATIONS ILLEGAL_OR_HARMFUL_SPEECH INTELLECTUAL_PROPERTY_INFRINGEMENTS
NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS NOT_SPECIFIED_NOTICE OTHER_VIOLATION_TC
PROTECTION_OF_MINORS RISK_FOR_PUBLIC_SECURITY SCAMS_AND_FRAUD SELF_HARM
UNSAFE_AND_PROHIBITED_PRODUCTS VIOLENCE""".split()
VISIBILITY = """REMOVED DISABLED DEMOTED AGE_RESTRICTED INTERACTION_RESTRICTED LABELLED""".split()
CONTENT = "APP AUDIO IMAGE PRODUCT SYNTHETIC_MEDIA TEXT VIDEO OTHER".split()
SOURCES = """SOURCE_ARTICLE_16 SOURCE_TRUSTED_FLAGGER SOURCE_TYPE_OTHER_NOTIFICATION
SOURCE_VOLUNTARY""".split()


def text(most):
    return {"type": "string", "minLength": 1, "maxLength": most}


def some_of(names):
    return {
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": {"enum": names},
    }


def date(first):
    """A day from a first one to 2038-01-01."""
    years = "|".join(str(year) for year in range(first, 2038))
    return {"type": "string", "pattern": f"^(({years})-[01][0-9]-[0-3][0-9]|2038-01-01)$"}


def ground(kind, **fields):
    return {
        "if": {"properties": {"decision_ground": {"const": f"DECISION_GROUND_{kind}"}}},
        "then": {"required": list(fields)},
        "else": {"properties": {name: False for name in fields}},
    }


ONE_OF_FOUR = [
    "decision_visibility",
    "decision_monetary",
    "decision_provision",
    "decision_account",
]
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": [
            "decision_ground",
            "content_type",
            "category",
            "territorial_scope",
            "content_date",
            "application_date",
            "decision_facts",
            "source_type",
            "automated_detection",
            "automated_decision",
            "puid",
        ],
        "anyOf": [{"required": [name]} for name in ONE_OF_FOUR],
        "allOf": [
            ground(
                "ILLEGAL_CONTENT",
                illegal_content_legal_ground=500,
                illegal_content_explanation=2000,
            ),
            ground(
                "INCOMPATIBLE_CONTENT",
                incompatible_content_ground=500,
                incompatible_content_explanation=2000,
            ),
            {
                "if": {"properties": {"source_type": {"const": "SOURCE_VOLUNTARY"}}},
                "then": {"properties": {"source_identity": False}},
            },
        ],
        "properties": {
            "decision_visibility": some_of(
                [f"DECISION_VISIBILITY_CONTENT_{name}" for name in VISIBILITY]
                + ["DECISION_VISIBILITY_OTHER"]
            ),
            "decision_ground": {
                "enum": [
                    "DECISION_GROUND_ILLEGAL_CONTENT",
                    "DECISION_GROUND_INCOMPATIBLE_CONTENT",
                ]
            },
            "decision_ground_reference_url": text(500),
            "illegal_content_legal_ground": text(500),
            "illegal_content_explanation": text(2000),
            "incompatible_content_ground": text(500),
            "incompatible_content_explanation": text(2000),
            "incompatible_content_illegal": {"enum": ["Yes", "No"]},
            "content_type": some_of([f"CONTENT_TYPE_{name}" for name in CONTENT]),
            "category": {"enum": [f"STATEMENT_CATEGORY_{name}" for name in CATEGORIES]},
            "content_language": {"type": "string", "pattern": "^[A-Z]{2}$"},
            "territorial_scope": some_of(EUROPE),
            "content_date": date(2000),
            "application_date": date(2020),
            "end_date_visibility_restriction": date(2020),
            "decision_facts": text(5000),
            "source_type": {"enum": SOURCES},
            "source_identity": text(500),
            "automated_detection": {"enum": ["Yes", "No"]},
            "automated_decision": {
                "enum": [
                    "AUTOMATED_DECISION_FULLY",
                    "AUTOMATED_DECISION_PARTIALLY",
                    "AUTOMATED_DECISION_NOT_AUTOMATED",
                ]
            },
            "puid": {"type": "string", "maxLength": 500, "pattern": "^[A-Za-z0-9_-]+$"},
        },
    },
}

validator = jsonschema_rs.validator_for(SCHEMA)
for error in validator.iter_errors(json.load(sys.stdin)):
    print(error.message)
