"""A mailbox for one machine: takes every mail by SMTP, keeps it, and shows each customer's mail on a page."""
