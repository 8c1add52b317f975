-- The spool's file. One writer, one connection; see edge/spool/sqlite.py.
CREATE TABLE IF NOT EXISTS spool (
  epoch INTEGER NOT NULL
) STRICT;

-- The boots of the machine in which rows were written, named by the kernel.
CREATE TABLE IF NOT EXISTS boots (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE IF NOT EXISTS rows (
  lane INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  boot INTEGER NOT NULL,
  crc INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;

-- The highest number per lane that the cloud has.
CREATE TABLE IF NOT EXISTS accepted (
  lane INTEGER PRIMARY KEY,
  through INTEGER NOT NULL
) STRICT;

-- Accepted rows are kept until a time, so that a restored database can be refilled.
CREATE TABLE IF NOT EXISTS kept (
  lane INTEGER NOT NULL,
  until INTEGER NOT NULL,
  through INTEGER NOT NULL,
  PRIMARY KEY (lane, until)
) STRICT, WITHOUT ROWID;

-- Batches that the cloud could not read.
CREATE TABLE IF NOT EXISTS refused (
  lane INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (lane, first, last)
) STRICT, WITHOUT ROWID;

-- The openings of this file by a process; rows numbered above `life` and `main` were written since.
CREATE TABLE IF NOT EXISTS openings (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  life INTEGER NOT NULL,
  main INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS notes (
  name TEXT PRIMARY KEY,
  body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
