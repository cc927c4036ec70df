"""OpenAI's containers calls, byte by byte as its Python package sends them (3.57.0).

tests/interop/openai_containers.py makes them with the live package, in the long tier.
"""
import unittest

from caas_daemon import CaasCase

HEADERS = {"Accept": "application/json", "Content-Type": "application/json",
           "User-Agent": "OpenAI/Python 3.57.0", "X-Stainless-Lang": "python"}
BOUNDARY = "f1d0b4a6c2e84e5f9a7b3c1d2e0f4a5b"


def multipart(name, data):
    return (f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n"
            "Content-Type: text/csv\r\n\r\n").encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


class OpenAi(CaasCase):
    def test_containers(self):
        made = self.ask("POST", "/v1/containers", {
            "name": "mine", "expires_after": {"anchor": "last_active_at", "minutes": 20},
            "memory_limit": "1g"}, headers=HEADERS)
        self.assertEqual((made["object"], made["status"], made["name"], made["memory_limit"]),
                         ("container", "running", "mine", "1g"))
        self.assertEqual(made["expires_after"], {"anchor": "last_active_at", "minutes": 20})
        self.assertIsInstance(made["created_at"], int)
        other = self.ask("POST", "/v1/containers", {"name": "other"}, headers=HEADERS)

        page = self.ask("GET", "/v1/containers?limit=1&order=asc", headers=HEADERS)
        self.assertEqual((page["object"], page["data"][0]["id"], page["has_more"]),
                         ("list", made["id"], True))
        rest = self.ask("GET", f"/v1/containers?limit=1&order=asc&after={page['last_id']}")
        self.assertEqual((rest["data"][0]["id"], rest["has_more"]), (other["id"], False))

        gone = self.ask("DELETE", f"/v1/containers/{made['id']}", headers={**HEADERS, "Accept": "*/*"})
        self.assertTrue(gone["deleted"])
        self.assertEqual(self.get(made["id"])["status"], "killed")

    def test_files(self):
        path = "/v1/containers/" + self.create(name="mine") + "/files"
        data = b"a,b\r\n1,2\r\n--not the boundary\r\n"
        put = self.ask("POST", path, multipart("data.csv", data), headers={
            **HEADERS, "Content-Type": "multipart/form-data; boundary=" + BOUNDARY})
        self.assertEqual((put["object"], put["path"], put["bytes"], put["source"]),
                         ("container.file", "/mnt/data/data.csv", len(data), "user"))

        listed = self.ask("GET", path, headers=HEADERS)
        self.assertEqual([each["id"] for each in listed["data"]], [put["id"]])
        self.assertEqual(self.ask("GET", f"{path}/{put['id']}")["path"], put["path"])
        self.assertEqual(self.ask("GET", f"{path}/{put['id']}/content",
                                  headers={**HEADERS, "Accept": "application/binary"}), data)
        self.ask("DELETE", f"{path}/{put['id']}", headers={**HEADERS, "Accept": "*/*"})
        self.refused(404, "GET", f"{path}/{put['id']}")
        self.assertEqual(self.ask("GET", path)["data"], [])

    def test_what_is_not_served_is_refused_by_name(self):
        self.refused(400, "POST", "/v1/containers", {"name": "x", "file_ids": ["file-1"]},
                     names=["file_ids"])
        self.refused(400, "POST", "/v1/containers", {"name": "x", "network_policy": {
            "type": "allowlist", "allowed_domains": ["a.example"]}}, names=["network_policy"])
        path = "/v1/containers/" + self.create(name="mine") + "/files"
        self.refused(400, "POST", path, {"file_id": "file-1"}, names=["multipart"])


if __name__ == "__main__":
    unittest.main()
