"""Seniority levels of job titles in seven languages: the office at the head of the phrase counts, not every word of rank."""

from sync_worker.model.lookup.job_titles.phrase import explain_seniority, seniority
from sync_worker.model.lookup.job_titles.vocabulary import SENIORITY_LEVELS

__all__ = ["SENIORITY_LEVELS", "explain_seniority", "seniority"]
