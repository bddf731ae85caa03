"""Azure OpenAI, v1 API (https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle): OpenAI's own API
below a resource's address, deployments in the place of models.
"""

from msgspec.structs import replace

from headgate.providers.vendors.openai import ROW as OPENAI

ROW = replace(
    OPENAI,
    base_url=None,
    prefix="/openai/v1",
    auth="api-key",
    key_variable="AZURE_OPENAI_API_KEY",
    needs=("base_url",),
    request_id="apim-request-id",
    catalog="azure",
)
