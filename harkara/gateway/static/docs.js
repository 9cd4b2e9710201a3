// Without validatorUrl: null, Swagger UI shows the description's address to a validator elsewhere.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null });
