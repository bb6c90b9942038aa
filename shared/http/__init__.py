"""HTTP: the FastAPI application, problem documents, validation errors, OpenAPI, If-Match."""
