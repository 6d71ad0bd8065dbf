"""Options of HubSpot's standard enumerations: internal value → label, in display order."""

from __future__ import annotations

_TRAFFIC_SOURCES = {
    "ORGANIC_SEARCH": "Organic Search",
    "PAID_SEARCH": "Paid Search",
    "EMAIL_MARKETING": "Email Marketing",
    "SOCIAL_MEDIA": "Organic Social",
    "REFERRALS": "Referrals",
    "OTHER_CAMPAIGNS": "Other Campaigns",
    "DIRECT_TRAFFIC": "Direct Traffic",
    "OFFLINE": "Offline Sources",
    "PAID_SOCIAL": "Paid Social",
    "AI_REFERRALS": "AI Referrals",
}
_LIFECYCLE_STAGES = {
    "subscriber": "Subscriber",
    "lead": "Lead",
    "marketingqualifiedlead": "Marketing Qualified Lead",
    "salesqualifiedlead": "Sales Qualified Lead",
    "opportunity": "Opportunity",
    "customer": "Customer",
    "evangelist": "Evangelist",
    "other": "Other",
}
_INDUSTRIES = """
ACCOUNTING AIRLINES_AVIATION ALTERNATIVE_MEDICINE APPAREL_FASHION ARCHITECTURE_PLANNING AUTOMOTIVE AVIATION_AEROSPACE
BANKING BIOTECHNOLOGY BROADCAST_MEDIA BUILDING_MATERIALS BUSINESS_SUPPLIES_AND_EQUIPMENT CAPITAL_MARKETS CHEMICALS
CIVIL_ENGINEERING COMMERCIAL_REAL_ESTATE COMPUTER_GAMES COMPUTER_HARDWARE COMPUTER_NETWORKING COMPUTER_NETWORK_SECURITY
COMPUTER_SOFTWARE CONSTRUCTION CONSUMER_ELECTRONICS CONSUMER_GOODS CONSUMER_SERVICES COSMETICS DEFENSE_SPACE DESIGN
EDUCATION_MANAGEMENT ELECTRICAL_ELECTRONIC_MANUFACTURING ENTERTAINMENT ENVIRONMENTAL_SERVICES EVENTS_SERVICES E_LEARNING
FARMING FINANCIAL_SERVICES FOOD_BEVERAGES FOOD_PRODUCTION FURNITURE GOVERNMENT_ADMINISTRATION GRAPHIC_DESIGN
HEALTH_WELLNESS_AND_FITNESS HIGHER_EDUCATION HOSPITALITY HOSPITAL_HEALTH_CARE HUMAN_RESOURCES INDUSTRIAL_AUTOMATION
INFORMATION_SERVICES INFORMATION_TECHNOLOGY_AND_SERVICES INSURANCE INTERNATIONAL_TRADE_AND_DEVELOPMENT INTERNET
INVESTMENT_BANKING INVESTMENT_MANAGEMENT LAW_PRACTICE LEGAL_SERVICES LEISURE_TRAVEL_TOURISM LOGISTICS_AND_SUPPLY_CHAIN
LUXURY_GOODS_JEWELRY MACHINERY MANAGEMENT_CONSULTING MARITIME MARKETING_AND_ADVERTISING MARKET_RESEARCH
MECHANICAL_OR_INDUSTRIAL_ENGINEERING MEDICAL_DEVICES MEDICAL_PRACTICE MENTAL_HEALTH_CARE MINING_METALS NANOTECHNOLOGY
NON_PROFIT_ORGANIZATION_MANAGEMENT OIL_ENERGY OUTSOURCING_OFFSHORING PACKAGING_AND_CONTAINERS PAPER_FOREST_PRODUCTS
PHARMACEUTICALS PLASTICS PRIMARY_SECONDARY_EDUCATION PRINTING PROFESSIONAL_TRAINING_COACHING
PUBLIC_RELATIONS_AND_COMMUNICATIONS PUBLISHING REAL_ESTATE RENEWABLES_ENVIRONMENT RESEARCH RESTAURANTS RETAIL
SECURITY_AND_INVESTIGATIONS SEMICONDUCTORS SPORTS STAFFING_AND_RECRUITING SUPERMARKETS TELECOMMUNICATIONS TEXTILES
TRANSPORTATION_TRUCKING_RAILROAD UTILITIES VENTURE_CAPITAL_PRIVATE_EQUITY WHOLESALE WINE_AND_SPIRITS WIRELESS
WRITING_AND_EDITING
"""

STANDARD_OPTIONS: dict[str, dict[str, str]] = {
    "lifecyclestage": _LIFECYCLE_STAGES,
    "hs_lead_status": {
        "NEW": "New",
        "OPEN": "Open",
        "IN_PROGRESS": "In Progress",
        "OPEN_DEAL": "Open Deal",
        "UNQUALIFIED": "Unqualified",
        "ATTEMPTED_TO_CONTACT": "Attempted to Contact",
        "CONNECTED": "Connected",
        "BAD_TIMING": "Bad Timing",
    },
    "hs_analytics_source": _TRAFFIC_SOURCES,
    "hs_latest_source": _TRAFFIC_SOURCES,
    "industry": {name: name.replace("_", " ").title() for name in _INDUSTRIES.split()},
    "numemployees": {size: size for size in ("1-5", "5-25", "25-50", "50-100", "100-500", "500-1000", "1000+")},
    "hs_marketable_status": {"true": "Marketing contact", "false": "Non-marketing contact"},
    "hs_emailconfirmationstatus": {
        status: status
        for status in (
            "Confirmed",
            "Confirmation Pending",
            "Confirmation Email Sent",
            "User clicked confirmation",
            "HubSpot Rep. marked confirmed",
            "Customer marked confirmed",
            "Confirmed from previous behavior",
            "Confirmed due to form",
        )
    },
    "hs_email_hard_bounce_reason_enum": {
        "UNKNOWN_USER": "Unknown user",
        "MAILBOX_FULL": "Mailbox full",
        "CONTENT": "Content",
        "SPAM": "Spam",
        "POLICY": "Policy",
        "OTHER": "Other",
    },
    "hs_email_quarantined_reason": {"SUSPENSION_REMEDIATION": "Suspension remediation", "CAMPAIGN_CANCELLATION": "Campaign cancellation"},
    "hs_role": {name.lower(): name.title() for name in ("ENGINEERING", "FINANCE", "MARKETING", "OPERATIONS", "SALES", "SUPPORT")},
    "hs_seniority": {
        name: name.replace("_", " ").title()
        for name in ("owner", "partner", "executive", "vp", "director", "manager", "senior", "employee", "entry")
    },
    "hs_persona": {"persona_1": "Persona 1"},
    "hs_legal_basis": {
        "Legitimate interest – prospect/lead": "Legitimate interest – prospect/lead",
        "Freely given consent from contact": "Freely given consent from contact",
        "Not applicable": "Not applicable",
    },
    "type": {"PROSPECT": "Prospect", "PARTNER": "Partner", "RESELLER": "Reseller", "VENDOR": "Vendor", "OTHER": "Other"},
    "pipeline": {"default": "Sales Pipeline"},
    "dealstage": {
        "appointmentscheduled": "Appointment Scheduled",
        "qualifiedtobuy": "Qualified To Buy",
        "presentationscheduled": "Presentation Scheduled",
        "decisionmakerboughtin": "Decision Maker Bought-In",
        "contractsent": "Contract Sent",
        "closedwon": "Closed Won",
        "closedlost": "Closed Lost",
    },
    "hs_task_status": {"NOT_STARTED": "Not Started", "IN_PROGRESS": "In Progress", "COMPLETED": "Completed"},
    "hs_task_priority": {"LOW": "Low", "MEDIUM": "Medium", "HIGH": "High"},
    "hs_task_type": {"TODO": "To-do", "CALL": "Call", "EMAIL": "Email"},
    "dealtype": {"newbusiness": "New Business", "existingbusiness": "Existing Business"},
}
LIFECYCLE_STAGES = tuple(_LIFECYCLE_STAGES)
