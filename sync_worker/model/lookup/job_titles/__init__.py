"""Seniority levels of job titles in seven languages: the office at the head of the phrase counts, not every word of rank."""

from sync_worker.model.lookup.job_titles.seniority import NO_INFORMATION, UNREAD, explain_seniority, seniority, title_class
from sync_worker.model.lookup.job_titles.vocabulary import SENIORITY_LEVELS

__all__ = ["NO_INFORMATION", "SENIORITY_LEVELS", "UNREAD", "explain_seniority", "seniority", "title_class"]
