"""Mailbox for one machine: accepts every mail by SMTP, stores it, and shows each customer's mail on a web page."""
