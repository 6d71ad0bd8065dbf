"""HubSpot's standard properties that a scoring model can use, with their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

from sync_worker.model.file.schema import Property, PropertyType
from sync_worker.model.lookup.data import read_data

ValueType = Literal["text", "number", "boolean", "date", "enumeration", "url", "subscriptions"]


@dataclass(frozen=True, slots=True)
class PropertySpec:
    """The type of a property, and the options of an enumeration if they are known."""

    type: ValueType
    options: tuple[str, ...] = ()


#: Prefix of the properties of the primary company.
COMPANY_PREFIX: Final = "company."

#: The properties of a contact's addresses. A condition on the primary one looks at all of them.
PRIMARY_EMAIL: Final = "email"
ADDITIONAL_EMAILS: Final = "hs_additional_emails"  # separated by semicolons

#: Prefix of the properties for one subscription type each; the rest of the name is the id of the type.
_SUBSCRIPTION_PREFIX: Final = "hs_email_optout_"

#: The names of subscription types that a contact has opted in to, and that it has unsubscribed from. They are read from the communication
#: preferences, not from properties of HubSpot.
SUBSCRIPTION_PROPERTIES: Final = ("subscribed_to", "unsubscribed_from")

_CONTACT_PROPERTIES: Final[Mapping[PropertyType, str]] = {
    "text": """
        address city company country country_code email fax firstname ip_city ip_country ip_state jobtitle lastname mobilephone
        phone salutation state website zip field_of_study graduation_date school degree hs_email_domain hs_country_region_code
        first_conversion_event_name recent_conversion_event_name hs_analytics_first_referrer hs_analytics_first_url
        hs_analytics_last_referrer hs_analytics_last_url hs_analytics_source_data_1 hs_analytics_source_data_2
        hs_latest_source_data_1 hs_latest_source_data_2 hs_email_last_email_name hs_analytics_first_touch_converting_campaign
        hs_additional_emails
        hs_analytics_last_touch_converting_campaign hs_ip_timezone twitterhandle hs_linkedin_url""",
    "number": """
        associatedcompanyid hs_analytics_average_page_views hs_analytics_num_event_completions hs_analytics_num_page_views
        hs_analytics_num_visits hs_analytics_revenue hs_email_bounce hs_email_click hs_email_delivered hs_email_open
        hs_email_replied hs_email_sends_since_last_engagement hs_object_id hs_predictivecontactscore_v2 hubspotscore
        num_associated_deals num_contacted_notes num_conversion_events num_notes num_unique_conversion_events
        recent_deal_amount total_revenue followercount""",
    "boolean": """
        hs_email_bad_address hs_email_is_ineligible hs_email_optout hs_email_quarantined hs_is_unworked hs_is_contact
        hs_sequences_is_enrolled""",
    "date": """
        closedate createdate date_of_birth first_conversion_date first_deal_created_date hs_analytics_first_timestamp
        hs_analytics_first_visit_timestamp hs_analytics_last_timestamp hs_analytics_last_visit_timestamp
        hs_document_last_revisited hs_email_first_click_date hs_email_first_open_date hs_email_first_reply_date
        hs_email_first_send_date hs_email_last_click_date hs_email_last_open_date hs_email_last_reply_date
        hs_email_last_send_date hs_last_sales_activity_timestamp hs_lastmodifieddate hs_latest_source_timestamp
        hs_sales_email_last_clicked hs_sales_email_last_opened hs_sales_email_last_replied lastmodifieddate
        notes_last_contacted notes_last_updated recent_conversion_date recent_deal_close_date""",
    "enumeration": """
        annualrevenue company_size gender hs_analytics_source hs_buying_role hs_email_hard_bounce_reason_enum
        hs_email_quarantined_reason hs_emailconfirmationstatus hs_language hs_latest_source hs_lead_status
        hs_marketable_status hs_persona hs_role hs_seniority industry hubspot_owner_id job_function lifecyclestage marital_status
        military_status numemployees relationship_status seniority start_date work_email hs_content_membership_status""",
}

_COMPANY_PROPERTIES: Final[Mapping[PropertyType, str]] = {
    "text": """
        about_us address city country country_code description domain founded_year hs_country_code name owneremail phone state
        timezone website zip linkedin_company_page""",
    "number": """
        annualrevenue hs_analytics_num_page_views hs_analytics_num_visits hs_num_child_companies hs_object_id
        num_associated_contacts num_associated_deals num_conversion_events numberofemployees recent_deal_amount total_money_raised
        total_revenue hs_num_open_deals""",
    "boolean": "is_public hs_is_target_account",
    "date": """
        closedate createdate first_contact_createdate hs_lastmodifieddate notes_last_contacted recent_conversion_date
        recent_deal_close_date""",
    "enumeration": """
        hs_ideal_customer_profile hs_employee_range hs_industry_group hs_lead_status hs_revenue_range hubspot_owner_id industry
        lifecyclestage type web_technologies""",
}


def _build_table(contact: Mapping[PropertyType, str], company: Mapping[PropertyType, str]) -> Mapping[str, PropertySpec]:
    found = {name: PropertySpec(kind) for kind, names in contact.items() for name in names.split()}
    found |= {COMPANY_PREFIX + name: PropertySpec(kind) for kind, names in company.items() for name in names.split()}
    found |= dict.fromkeys(SUBSCRIPTION_PROPERTIES, PropertySpec("subscriptions"))
    return MappingProxyType(found)


#: The properties of events that conditions can test.
EVENT_PROPERTIES: Final[Mapping[str, PropertySpec]] = {
    "url": PropertySpec("url"),
    "form": PropertySpec("text"),
    "campaign": PropertySpec("text"),
    "name": PropertySpec("text"),
}

#: The properties that the events of a kind have.
EVENT_PROPERTIES_BY_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "email_click": ("url", "campaign"),
    "email_open": ("campaign",),
    "page_view": ("url", "name", "campaign"),
    "form_submission": ("form", "url"),
    "webinar": ("name", "campaign"),
    "download": ("url", "name", "campaign"),
    "search_term": ("url", "name", "campaign"),
    "campaign_touch": ("url", "name", "campaign"),
}
CUSTOM_EVENT_PROPERTIES: Final = ("url", "name", "campaign")

#: Standard properties by name; those of the primary company are `company.<name>`.
STANDARD_PROPERTIES: Final = _build_table(_CONTACT_PROPERTIES, _COMPANY_PROPERTIES)


@cache
def load_standard_options() -> Mapping[str, tuple[str, ...]]:
    """Return HubSpot's own options of standard enumerations by property."""
    lines = (line.partition(": ") for line in read_data("standard_options.txt").splitlines() if not line.startswith("#"))
    return {name: tuple(options.split("; ")) for name, _, options in lines}


def find_standard_property(name: str) -> PropertySpec | None:
    """Return the type of a standard property, or None if it does not exist."""
    if name.startswith(_SUBSCRIPTION_PREFIX) and name.removeprefix(_SUBSCRIPTION_PREFIX).isdigit():
        return PropertySpec("boolean")
    return STANDARD_PROPERTIES.get(name)


def find_property(name: str, declarations: Mapping[str, Property]) -> PropertySpec | None:
    """Return the type of a standard property or of a custom property that the model declares, or None."""
    declared = declarations.get(name)
    return find_standard_property(name) if declared is None else PropertySpec(declared.type, declared.options or ())
