"""What a careless production line leaves on a device: secrets in clear, where a defect plants them.

A hardened device has its keys in the key store, salted hashes of its passwords, and nothing of this.
"""

import base64
import gzip
import hashlib
import json
import secrets
import shutil
from pathlib import Path

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.storage.flash import PRODUCTION_SECRETS, key_store, write_bytes, write_json


def leave_secrets(flash: Path, defects: Defects, admin_password: str) -> None:
    """Leave on a device what its defects name."""
    if defects("bootlog_secret"):
        wifi = secrets.token_urlsafe(12)
        write_json(key_store(flash) / PRODUCTION_SECRETS, {"wifi_psk": wifi, "admin_password": admin_password})
    if defects("storage_private_key"):
        shutil.copy(key_store(flash) / "tls_key.pem", flash / "backup.pem")
    if defects("storage_key_in_backup"):
        key = (key_store(flash) / "tls_key.pem").read_bytes()
        write_bytes(flash / "backup.gz", gzip.compress(b"# settings of the line\n" * 200 + key))
    if defects("storage_weak_hash"):
        digest = base64.b64encode(hashlib.sha1(admin_password.encode(), usedforsecurity=False).digest()).decode()
        write_bytes(flash / "htpasswd", f"admin:{{SHA}}{digest}\n".encode())
    if defects("storage_password_in_clear"):
        write_json(flash / "recovery.json", {"user": "admin", "password": admin_password})
    if defects("storage_api_token"):
        write_json(flash / "cloud_access.json", {"authorization": f"Bearer {_web_token()}"})


def _web_token() -> str:
    """Make a JSON Web Token (RFC 7519) that opens nothing."""
    parts = (json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"sub": "camera", "scope": "upload"}))
    encoded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join((*encoded, secrets.token_urlsafe(32)))
