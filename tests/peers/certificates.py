"""An authority of our own, and the certificates that it gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Writes PEM files into a folder: its own `ca.crt`, and what it gives to others."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(f"{name} of the tests")
        self._write(f"{name}.crt", self._signed(self._name, self._key, authority=True))

    def give(self, name: str, host: str | None = None, password: str | None = None) -> None:
        """Write `<name>.crt` and `<name>.key`, of a server of that host or of a user."""
        key = ec.generate_private_key(ec.SECP256R1())
        self._write(f"{name}.crt", self._signed(_named(name), key, host=host))
        locked = serialization.BestAvailableEncryption(password.encode()) if password else None
        raw = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            locked or serialization.NoEncryption(),
        )
        self._write(f"{name}.key", raw)

    def revoke(self, name: str) -> None:
        """Write `revoked.crl`, on which one certificate stands."""
        given = x509.load_pem_x509_certificate((self.folder / f"{name}.crt").read_bytes())
        now = datetime.now(UTC)
        entry = x509.RevokedCertificateBuilder().serial_number(given.serial_number)
        listed = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(now - timedelta(days=1))
            .next_update(now + timedelta(days=1))
            .add_revoked_certificate(entry.revocation_date(now).build())
            .sign(self._key, hashes.SHA256())
        )
        self._write("revoked.crl", listed.public_bytes(serialization.Encoding.PEM))

    def _signed(self, subject, key, *, host=None, authority=False) -> bytes:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if host is not None:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            made = made.add_extension(names, critical=False)
        return made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
