-- A state of commit 3ad5994 (schema 0006, SQLite): a first backfill that stopped after the first page of contacts.
BEGIN TRANSACTION;
CREATE TABLE "addresses" (
	email TEXT NOT NULL,
	contact_id BIGINT NOT NULL,
	PRIMARY KEY (email, contact_id)
)
 WITHOUT ROWID

;
CREATE TABLE "admissions" (
	contact_id INTEGER NOT NULL,
	since BIGINT NOT NULL,
	admitted_at BIGINT,
	PRIMARY KEY (contact_id)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0006');
CREATE TABLE approvals (
	model TEXT NOT NULL,
	at BIGINT NOT NULL,
	note TEXT NOT NULL,
	PRIMARY KEY (model)
);
CREATE TABLE "companies" (
	id INTEGER NOT NULL,
	updated_at BIGINT NOT NULL,
	facts TEXT NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "companies" VALUES(7,1770091506000,'{"numberofemployees":"500"}');
CREATE TABLE "contacts" (
	id INTEGER NOT NULL,
	email TEXT,
	company_id BIGINT,
	updated_at BIGINT NOT NULL,
	facts TEXT NOT NULL,
	shown TEXT NOT NULL,
	stage TEXT,
	stage_given TEXT,
	revision INTEGER NOT NULL,
	sweep INTEGER NOT NULL,
	gone BOOLEAN NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "contacts" VALUES(1,'p1@example.com',7,1770091506000,'{"hs_analytics_last_timestamp":"2026-11-19T12:00:00Z","hs_analytics_num_page_views":"5","hs_email_click":"2","hs_email_last_click_date":"2026-11-19T12:00:00Z","num_conversion_events":"0"}','{}','lead',NULL,1,1,0);
INSERT INTO "contacts" VALUES(2,'p2@example.com',NULL,1770091506000,'{"hs_analytics_num_page_views":"0","num_conversion_events":"1","recent_conversion_date":"2026-11-19T12:00:00Z"}','{}','subscriber',NULL,1,1,0);
INSERT INTO "contacts" VALUES(3,'p3@example.com',NULL,1770091506000,'{"hs_analytics_num_page_views":"0","num_conversion_events":"0"}','{}',NULL,NULL,1,1,0);
CREATE TABLE coverage (
	stream TEXT NOT NULL,
	low BIGINT NOT NULL,
	high BIGINT NOT NULL,
	PRIMARY KEY (stream, low)
);
INSERT INTO "coverage" VALUES('contacts',0,4);
CREATE TABLE events (
	kind TEXT NOT NULL,
	id TEXT NOT NULL,
	at BIGINT NOT NULL,
	contact_id BIGINT,
	email TEXT,
	url TEXT,
	form_id TEXT,
	campaign TEXT,
	name TEXT,
	user_agent TEXT,
	sent_at BIGINT,
	filtered BOOLEAN NOT NULL,
	PRIMARY KEY (kind, id)
);
CREATE TABLE forms (
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE leases (
	name TEXT NOT NULL,
	run TEXT NOT NULL,
	holder TEXT NOT NULL,
	process TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (name)
);
CREATE TABLE lists (
	"key" TEXT NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	PRIMARY KEY ("key")
);
CREATE TABLE "memberships" (
	list TEXT NOT NULL,
	contact_id BIGINT NOT NULL,
	ours BOOLEAN NOT NULL,
	acknowledged BOOLEAN NOT NULL,
	PRIMARY KEY (list, contact_id)
)
 WITHOUT ROWID

;
CREATE TABLE meta (
	"key" TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('portal','{"id":42,"time_zone":"Europe/Berlin","stages":["subscriber","lead","marketingqualifiedlead","salesqualifiedlead","opportunity","customer","evangelist","other"],"shows_occurrences":true,"asked":["lead_grade","lead_grade_reasons","lead_mql_reason","lead_score","lead_score_band","lead_score_model","lead_score_reasons","lead_score_trend"],"identity":"b16281f5b1082ac5","looked_at":1795176000000}');
INSERT INTO "meta" VALUES('settled:email_click','1795175400001');
INSERT INTO "meta" VALUES('event_types','{"asked_at":1795176000000,"names":["e_submitted_form","e_visited_page"]}');
INSERT INTO "meta" VALUES('settled:page_view','1795175400001');
INSERT INTO "meta" VALUES('cursor:companies','1795176000000');
INSERT INTO "meta" VALUES('filling','true');
INSERT INTO "meta" VALUES('unjudged','true');
INSERT INTO "meta" VALUES('sweep','{"number":1,"started":1795176000000,"done":false,"asked":["associatedcompanyid","email","hs_additional_emails","hs_analytics_last_timestamp","hs_analytics_num_page_views","hs_email_click","hs_email_last_click_date","hs_email_optout","hs_merged_object_ids","jobtitle","lead_grade","lead_grade_reasons","lead_mql_reason","lead_score","lead_score_band","lead_score_model","lead_score_reasons","lead_score_trend","lifecyclestage","num_conversion_events","recent_conversion_date","company.numberofemployees"]}');
INSERT INTO "meta" VALUES('searches','{"identity":"b16281f5b1082ac5","counted":[1795807362124,1795807362146]}');
CREATE TABLE "rejections" (
	contact_id INTEGER NOT NULL,
	desired TEXT NOT NULL,
	reason TEXT NOT NULL,
	at BIGINT NOT NULL,
	held BOOLEAN DEFAULT 0 NOT NULL,
	PRIMARY KEY (contact_id)
);
CREATE TABLE replaced (
	run TEXT NOT NULL,
	contact_id BIGINT NOT NULL,
	"before" TEXT NOT NULL,
	"after" TEXT NOT NULL,
	PRIMARY KEY (run, contact_id)
);
CREATE TABLE replaced_members (
	run TEXT NOT NULL,
	list TEXT NOT NULL,
	contact_id BIGINT NOT NULL,
	added BOOLEAN NOT NULL,
	PRIMARY KEY (run, list, contact_id)
);
CREATE TABLE runs (
	id TEXT NOT NULL,
	command TEXT NOT NULL,
	started_at BIGINT NOT NULL,
	finished_at BIGINT,
	exit_code INTEGER,
	report TEXT,
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('2257cd34','backfill',1795176000000,1795176000000,-1,'{"run":"2257cd34","command":"backfill","dry_run":false,"model":"e5daf07344ea","pulled":3,"pulled_by_kind":{"companies":1,"contacts":3},"evaluated":0,"changed":0,"written":0,"unchanged":0,"stages":0,"lists":{},"rejected":[],"plan":{"contacts":0,"new_mqls":0,"properties":{},"stages":0,"lists":{},"samples":[]},"approved":false,"unsafe":null,"notes":[],"withheld":{},"waiting":0,"not_visible":[],"unreadable":[],"requests":{},"requests_in_all":12,"retries":0,"rate_limited":0,"seconds":0.236,"cursor":{},"exit_code":0,"error":"Stopped"}');
CREATE TABLE "verdicts" (
	contact_id INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	model TEXT NOT NULL,
	evaluated_at BIGINT NOT NULL,
	score BIGINT NOT NULL,
	band TEXT NOT NULL,
	grade TEXT NOT NULL,
	mql BOOLEAN NOT NULL,
	by_score BOOLEAN NOT NULL,
	direct BOOLEAN NOT NULL,
	desired TEXT NOT NULL,
	PRIMARY KEY (contact_id)
);
CREATE INDEX events_by_contact ON events (contact_id);
CREATE INDEX events_by_email ON events (email);
CREATE INDEX replaced_by_contact ON replaced (contact_id);
CREATE INDEX replaced_members_by_contact ON replaced_members (contact_id);
CREATE INDEX addresses_by_contact ON addresses (contact_id);
CREATE INDEX verdicts_by_band ON verdicts (band);
CREATE INDEX contacts_gone ON contacts (id) WHERE gone = 1;
CREATE INDEX verdicts_of_mqls ON verdicts (contact_id, direct, by_score) WHERE mql = 1;
COMMIT;
