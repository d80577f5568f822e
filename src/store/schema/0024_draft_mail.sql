-- To whom a mail goes and what it is about, as its writer said: kept with what is begun and with what goes out later.
ALTER TABLE draft ADD COLUMN mail TEXT NOT NULL DEFAULT ''; -- JSON as in POST messages; '': as it goes by itself
ALTER TABLE scheduled_send ADD COLUMN mail TEXT NOT NULL DEFAULT '';
