"""The names of the cloud's settings, apart from what reads them: `sitewarden cloud --help` loads no more than this."""

from typing import Final

NAMES: Final = {
    "sites": "site directories, or one directory that holds them, separated by spaces",
    "rules": "a rules file, or a directory of them, for every site",
    "operations": "a directory with alarms.yaml and plans.yaml; default: those that came with the program",
    "database": "postgresql://user@host/name; the password may stand in database_password_file",
    "database_password_file": "a file that holds the database's password",
    "database_owner": "the same with the login that owns the tables; default: the program's own login makes them",
    "database_owner_password_file": "a file that holds that login's password",
    "broker": "nats://host:port",
    "broker_user": "user at the broker; default: cloud",
    "broker_password_file": "a file that holds the broker's password",
    "roles": "what this process does: worker, web, notify, separated by spaces; default: all, notify with channels",
    "channels": "the file of the channels that people are told through",
    "partitions": "partitions that this worker works on, separated by spaces; default: all",
    "stream_mb": "most megabytes of batches that the broker keeps; default: 1024",
    "stream_hours": "most hours that the broker keeps batches; default: 168",
    "files": "a folder for photos and papers that people attach; without it they can't",
    "web_host": "address that the page is served on; default: 127.0.0.1",
    "web_port": "its port; default: 8080",
    "web_token_file": "a file that holds the access token; needed to serve beyond this machine",
    "web_docs": "yes: serve the API's description to others than this machine too",
    "web_metrics": "yes: serve /metrics to others than this machine too",
}
"""Every setting: as `--name` on the command line (with `-` for `_`), or as `SITEWARDEN_NAME` in the environment."""
