-- A state of commit 3ad5994 (schema 0006, SQLite): a backfill, an approval and a sync with a new contact. The reports of the runs are shortened.
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
INSERT INTO "approvals" VALUES('e5daf07344ea',1795176000000,'looks right');
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
INSERT INTO "contacts" VALUES(1,'p1@example.com',7,1795176000000,'{"hs_analytics_last_timestamp":"2026-11-19T12:00:00Z","hs_analytics_num_page_views":"5","hs_email_click":"2","hs_email_last_click_date":"2026-11-19T12:00:00Z","num_conversion_events":"0"}','{"lead_grade":"C","lead_grade_reasons":"C on 1 of 2 criteria\n✓ size (+3)\n? role","lead_mql_reason":"by_score","lead_score":"20","lead_score_band":"hot","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"+10 clicked 2 marketing e-mails, last on 19 Nov\n+10 viewed 5 pages, last on 19 Nov","lead_score_trend":"rising"}','marketingqualifiedlead','marketingqualifiedlead',1,1,0);
INSERT INTO "contacts" VALUES(2,'p2@example.com',NULL,1795176000000,'{"hs_analytics_num_page_views":"0","num_conversion_events":"1","recent_conversion_date":"2026-11-19T12:00:00Z"}','{"lead_grade":"D","lead_grade_reasons":"D on 0 of 2 criteria\n? size\n? role","lead_mql_reason":"demo","lead_score":"10","lead_score_band":"warm","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"+10 filled in a form, on 19 Nov","lead_score_trend":"rising"}','marketingqualifiedlead','marketingqualifiedlead',1,1,0);
INSERT INTO "contacts" VALUES(3,'p3@example.com',NULL,1795176000000,'{"hs_analytics_num_page_views":"0","num_conversion_events":"0"}','{"lead_grade":"D","lead_grade_reasons":"D on 0 of 2 criteria\n? size\n? role","lead_mql_reason":"","lead_score":"4","lead_score_band":"cold","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"+4 attended a webinar, on 19 Nov","lead_score_trend":"rising"}',NULL,NULL,1,1,0);
INSERT INTO "contacts" VALUES(4,'p4@example.com',NULL,1795176300000,'{}','{"lead_grade":"D","lead_grade_reasons":"D on 0 of 2 criteria\n? size\n? role","lead_mql_reason":"","lead_score":"0","lead_score_band":"cold","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"nothing counted yet","lead_score_trend":"steady"}','lead',NULL,1,1,0);
CREATE TABLE coverage (
	stream TEXT NOT NULL,
	low BIGINT NOT NULL,
	high BIGINT NOT NULL,
	PRIMARY KEY (stream, low)
);
INSERT INTO "coverage" VALUES('contacts',0,4);
INSERT INTO "coverage" VALUES('email_click',1149120000000,1795176300001);
INSERT INTO "coverage" VALUES('form_submission:demo',0,1795176000000);
INSERT INTO "coverage" VALUES('form_submission:news',0,1795176000000);
INSERT INTO "coverage" VALUES('webinar',0,1795176300000);
INSERT INTO "coverage" VALUES('page_view',1149120000000,1795176300001);
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
INSERT INTO "events" VALUES('email_click','click-0:1795089600000',1795089600000,NULL,'p1@example.com','https://x.com/0',NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "events" VALUES('email_click','click-1:1795089599999',1795089599999,NULL,'p1@example.com','https://x.com/1',NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "events" VALUES('form_submission','f9a1e79ef727fbae148f05de523890d2',1795089600000,NULL,'p2@example.com','https://x.com/form','demo',NULL,NULL,NULL,NULL,0);
INSERT INTO "events" VALUES('webinar','501-3',1795089600000,3,NULL,NULL,NULL,'501','Scoring',NULL,NULL,0);
INSERT INTO "events" VALUES('page_view','view-4',1795089599996,1,NULL,'https://x.com/',NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "events" VALUES('page_view','view-3',1795089599997,1,NULL,'https://x.com/',NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "events" VALUES('page_view','view-2',1795089599998,1,NULL,'https://x.com/',NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "events" VALUES('page_view','view-1',1795089599999,1,NULL,'https://x.com/',NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "events" VALUES('page_view','view-0',1795089600000,1,NULL,'https://x.com/',NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE forms (
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "forms" VALUES('news','Newsletter');
INSERT INTO "forms" VALUES('demo','Demo');
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
INSERT INTO "lists" VALUES('mql','1','MQL');
INSERT INTO "lists" VALUES('direct','2','MQL · direct');
INSERT INTO "lists" VALUES('by_score','3','MQL · by score');
INSERT INTO "lists" VALUES('band:cold','4','Leads · cold');
INSERT INTO "lists" VALUES('band:warm','5','Leads · warm');
INSERT INTO "lists" VALUES('band:hot','6','Leads · hot');
CREATE TABLE "memberships" (
	list TEXT NOT NULL,
	contact_id BIGINT NOT NULL,
	ours BOOLEAN NOT NULL,
	acknowledged BOOLEAN NOT NULL,
	PRIMARY KEY (list, contact_id)
)
 WITHOUT ROWID

;
INSERT INTO "memberships" VALUES('band:cold',3,1,1);
INSERT INTO "memberships" VALUES('band:cold',4,1,1);
INSERT INTO "memberships" VALUES('band:hot',1,1,1);
INSERT INTO "memberships" VALUES('band:warm',2,1,1);
INSERT INTO "memberships" VALUES('by_score',1,1,1);
INSERT INTO "memberships" VALUES('direct',2,1,1);
INSERT INTO "memberships" VALUES('mql',1,1,1);
INSERT INTO "memberships" VALUES('mql',2,1,1);
CREATE TABLE meta (
	"key" TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('portal','{"id":42,"time_zone":"Europe/Berlin","stages":["subscriber","lead","marketingqualifiedlead","salesqualifiedlead","opportunity","customer","evangelist","other"],"shows_occurrences":true,"asked":["lead_grade","lead_grade_reasons","lead_mql_reason","lead_score","lead_score_band","lead_score_model","lead_score_reasons","lead_score_trend"],"identity":"b1f6d5b0ce375ba2","looked_at":1795176000000}');
INSERT INTO "meta" VALUES('settled:email_click','1795175700001');
INSERT INTO "meta" VALUES('event_types','{"asked_at":1795176000000,"names":["e_submitted_form","e_visited_page"]}');
INSERT INTO "meta" VALUES('settled:page_view','1795175700001');
INSERT INTO "meta" VALUES('cursor:companies','1795176300000');
INSERT INTO "meta" VALUES('sweep','{"number":1,"started":1795176000000,"done":true}');
INSERT INTO "meta" VALUES('outlook','{"identity":"b1f6d5b0ce375ba2","at":1795176000000,"extent":{"total":3,"highest_id":3,"lowest_id":1},"latency":0.0019515919998411846,"burst":1000000000,"eventful":false}');
INSERT INTO "meta" VALUES('read','["associatedcompanyid","email","hs_additional_emails","hs_analytics_last_timestamp","hs_analytics_num_page_views","hs_email_click","hs_email_last_click_date","hs_email_optout","hs_merged_object_ids","jobtitle","lead_grade","lead_grade_reasons","lead_mql_reason","lead_score","lead_score_band","lead_score_model","lead_score_reasons","lead_score_trend","lifecyclestage","num_conversion_events","recent_conversion_date","company.numberofemployees"]');
INSERT INTO "meta" VALUES('cursor:contacts','1795176300000');
INSERT INTO "meta" VALUES('archived_forms','{}');
INSERT INTO "meta" VALUES('forms','{"looked_at":1795176000000,"seen":[]}');
INSERT INTO "meta" VALUES('webinar:501','{"mark":"1795089600000/1","moved":1795176000000,"read":1795176300000}');
INSERT INTO "meta" VALUES('tidied_at','1795176000000');
INSERT INTO "meta" VALUES('searches','{"identity":"b1f6d5b0ce375ba2","counted":[1795807363518,1795807363544,1795807363548]}');
INSERT INTO "meta" VALUES('newcomers','[]');
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
INSERT INTO "replaced" VALUES('b379bf98',1,'{"lead_grade":"","lead_grade_reasons":"","lead_mql_reason":"","lead_score":"","lead_score_band":"","lead_score_model":"","lead_score_reasons":"","lead_score_trend":""}','{"lead_grade":"C","lead_grade_reasons":"C on 1 of 2 criteria\n✓ size (+3)\n? role","lead_mql_reason":"by_score","lead_score":"20","lead_score_band":"hot","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"+10 clicked 2 marketing e-mails, last on 19 Nov\n+10 viewed 5 pages, last on 19 Nov","lead_score_trend":"rising"}');
INSERT INTO "replaced" VALUES('b379bf98',2,'{"lead_grade":"","lead_grade_reasons":"","lead_mql_reason":"","lead_score":"","lead_score_band":"","lead_score_model":"","lead_score_reasons":"","lead_score_trend":""}','{"lead_grade":"D","lead_grade_reasons":"D on 0 of 2 criteria\n? size\n? role","lead_mql_reason":"demo","lead_score":"10","lead_score_band":"warm","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"+10 filled in a form, on 19 Nov","lead_score_trend":"rising"}');
INSERT INTO "replaced" VALUES('b379bf98',3,'{"lead_grade":"","lead_grade_reasons":"","lead_score":"","lead_score_band":"","lead_score_model":"","lead_score_reasons":"","lead_score_trend":""}','{"lead_grade":"D","lead_grade_reasons":"D on 0 of 2 criteria\n? size\n? role","lead_score":"4","lead_score_band":"cold","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"+4 attended a webinar, on 19 Nov","lead_score_trend":"rising"}');
INSERT INTO "replaced" VALUES('347a5e23',1,'{"lifecyclestage":"lead"}','{"lifecyclestage":"marketingqualifiedlead"}');
INSERT INTO "replaced" VALUES('347a5e23',2,'{"lifecyclestage":"subscriber"}','{"lifecyclestage":"marketingqualifiedlead"}');
INSERT INTO "replaced" VALUES('b41f64a9',4,'{"lead_grade":"","lead_grade_reasons":"","lead_score":"","lead_score_band":"","lead_score_model":"","lead_score_reasons":"","lead_score_trend":""}','{"lead_grade":"D","lead_grade_reasons":"D on 0 of 2 criteria\n? size\n? role","lead_score":"0","lead_score_band":"cold","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"nothing counted yet","lead_score_trend":"steady"}');
CREATE TABLE replaced_members (
	run TEXT NOT NULL,
	list TEXT NOT NULL,
	contact_id BIGINT NOT NULL,
	added BOOLEAN NOT NULL,
	PRIMARY KEY (run, list, contact_id)
);
INSERT INTO "replaced_members" VALUES('347a5e23','mql',1,1);
INSERT INTO "replaced_members" VALUES('347a5e23','mql',2,1);
INSERT INTO "replaced_members" VALUES('347a5e23','direct',2,1);
INSERT INTO "replaced_members" VALUES('347a5e23','by_score',1,1);
INSERT INTO "replaced_members" VALUES('347a5e23','band:cold',3,1);
INSERT INTO "replaced_members" VALUES('347a5e23','band:warm',2,1);
INSERT INTO "replaced_members" VALUES('347a5e23','band:hot',1,1);
INSERT INTO "replaced_members" VALUES('b41f64a9','band:cold',4,1);
CREATE TABLE runs (
	id TEXT NOT NULL,
	command TEXT NOT NULL,
	started_at BIGINT NOT NULL,
	finished_at BIGINT,
	exit_code INTEGER,
	report TEXT,
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('b379bf98','backfill',1795176000000,1795176000000,0,'{"run":"b379bf98","command":"backfill","dry_run":false,"model":"e5daf07344ea","pulled":3,"pulled_by_kind":{"companies":1,"contacts":3,"email_click":2,"form_submission":1,"webinar":1,"page_view":5},"evaluated":3,"changed":3,"written":3,"unchanged":0,"stages":0,"lists":{},"rejected":[],"plan":{"contacts":3,"new_mqls":2,"properties":{},"stages":0,"lists":{},"samples":[]},"approved":false,"unsafe":null,"notes":[],"withheld":{},"waiting":0,"not_visible":[],"unreadable":[],"requests":{},"requests_in_all":17,"retries":0,"rate_limited":0,"seconds":0.535,"cursor":{},"exit_code":0}');
INSERT INTO "runs" VALUES('347a5e23','approve',1795176000000,1795176000000,0,'{"run":"347a5e23","command":"approve","dry_run":false,"model":"e5daf07344ea","pulled":0,"pulled_by_kind":{},"evaluated":0,"changed":2,"written":2,"unchanged":0,"stages":2,"lists":{"MQL":{"added":2,"removed":0},"MQL · direct":{"added":1,"removed":0},"MQL · by score":{"added":1,"removed":0},"Leads · cold":{"added":1,"removed":0},"Leads · warm":{"added":1,"removed":0},"Leads · hot":{"added":1,"removed":0}},"rejected":[],"plan":{"contacts":2,"new_mqls":0,"properties":{},"stages":2,"lists":{"MQL":{"add":2,"remove":0},"MQL · direct":{"add":1,"remove":0},"MQL · by score":{"add":1,"remove":0},"Leads · cold":{"add":1,"remove":0},"Leads · warm":{"add":1,"remove":0},"Leads · hot":{"add":1,"remove":0}},"samples":[]},"approved":true,"unsafe":null,"notes":[],"withheld":{},"waiting":0,"not_visible":[],"unreadable":[],"requests":{},"requests_in_all":14,"retries":0,"rate_limited":0,"seconds":0.39,"cursor":{},"exit_code":0}');
INSERT INTO "runs" VALUES('b41f64a9','sync',1795176300000,1795176300000,0,'{"run":"b41f64a9","command":"sync","dry_run":false,"model":"e5daf07344ea","pulled":4,"pulled_by_kind":{"email_click":0,"webinar":1,"page_view":0,"contacts":4},"evaluated":1,"changed":1,"written":1,"unchanged":0,"stages":0,"lists":{"Leads · cold":{"added":1,"removed":0}},"rejected":[],"plan":{"contacts":1,"new_mqls":0,"properties":{},"stages":0,"lists":{"Leads · cold":{"add":1,"remove":0}},"samples":[]},"approved":true,"unsafe":null,"notes":[],"withheld":{},"waiting":0,"not_visible":[],"unreadable":[],"requests":{},"requests_in_all":10,"retries":0,"rate_limited":0,"seconds":0.211,"cursor":{},"exit_code":0}');
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
INSERT INTO "verdicts" VALUES(1,1,'bdca881a0203',1795176000000,20,'hot','C',1,1,0,'{"lead_grade":"C","lead_grade_reasons":"C on 1 of 2 criteria\n✓ size (+3)\n? role","lead_mql_reason":"by_score","lead_score":"20","lead_score_band":"hot","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"+10 clicked 2 marketing e-mails, last on 19 Nov\n+10 viewed 5 pages, last on 19 Nov","lead_score_trend":"rising"}');
INSERT INTO "verdicts" VALUES(2,1,'bdca881a0203',1795176000000,10,'warm','D',1,0,1,'{"lead_grade":"D","lead_grade_reasons":"D on 0 of 2 criteria\n? size\n? role","lead_mql_reason":"demo","lead_score":"10","lead_score_band":"warm","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"+10 filled in a form, on 19 Nov","lead_score_trend":"rising"}');
INSERT INTO "verdicts" VALUES(3,1,'bdca881a0203',1795176000000,4,'cold','D',0,0,0,'{"lead_grade":"D","lead_grade_reasons":"D on 0 of 2 criteria\n? size\n? role","lead_mql_reason":"","lead_score":"4","lead_score_band":"cold","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"+4 attended a webinar, on 19 Nov","lead_score_trend":"rising"}');
INSERT INTO "verdicts" VALUES(4,1,'bdca881a0203',1795176300000,0,'cold','D',0,0,0,'{"lead_grade":"D","lead_grade_reasons":"D on 0 of 2 criteria\n? size\n? role","lead_mql_reason":"","lead_score":"0","lead_score_band":"cold","lead_score_model":"Small · e5daf07344ea","lead_score_reasons":"nothing counted yet","lead_score_trend":"steady"}');
CREATE INDEX events_by_contact ON events (contact_id);
CREATE INDEX events_by_email ON events (email);
CREATE INDEX replaced_by_contact ON replaced (contact_id);
CREATE INDEX replaced_members_by_contact ON replaced_members (contact_id);
CREATE INDEX addresses_by_contact ON addresses (contact_id);
CREATE INDEX verdicts_by_band ON verdicts (band);
CREATE INDEX contacts_gone ON contacts (id) WHERE gone = 1;
CREATE INDEX verdicts_of_mqls ON verdicts (contact_id, direct, by_score) WHERE mql = 1;
CREATE INDEX contacts_by_email ON contacts (email) WHERE email IS NOT NULL;
CREATE INDEX contacts_by_company ON contacts (company_id) WHERE company_id IS NOT NULL;
CREATE INDEX contacts_here ON contacts (id, revision, updated_at, sweep) WHERE gone = 0;
COMMIT;
