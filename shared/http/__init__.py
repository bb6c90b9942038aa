"""HTTP: the FastAPI application, operations, problem documents, validation errors, OpenAPI, If-Match."""
