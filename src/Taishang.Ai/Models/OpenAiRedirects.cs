using System.Net;
using System.Net.Http.Headers;

namespace Taishang.Ai.Models;

/// <summary>
/// Follows redirects that keep the method (307, 308), a few of them and never to an unsafe scheme; each is connected
/// through the same guard as the endpoint. Secrets and headers of the configuration are put on here, and on requests
/// to the registered origin alone: they belong to the service, not to whom it sends us on to.
/// </summary>
internal sealed class OpenAiRedirects(OpenAiSettings settings, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private const int MaxRedirects = 3;

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Uri address = request.RequestUri ?? settings.Endpoint;
        for (int hop = 0; ; hop++)
        {
            request.RequestUri = address;
            Dress(request);
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
            if (response.StatusCode is not (HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect))
                return response;
            Uri? next = response.Headers.Location is { } location ? new Uri(address, location) : null;
            response.Dispose();
            address = Next(address, next, hop);
        }
    }

    private void Dress(HttpRequestMessage request)
    {
        request.Headers.Authorization = null;
        foreach (string name in settings.Headers.Keys) request.Headers.Remove(name);
        bool sameOrigin = Uri.Compare(request.RequestUri, settings.Endpoint, UriComponents.SchemeAndServer,
            UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;
        if (!sameOrigin) return;
        if (settings.ApiKey.Length > 0)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", settings.ApiKey);
        foreach ((string name, string value) in settings.Headers)
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }
    }

    private static Uri Next(Uri from, Uri? to, int hop)
    {
        bool downgraded = from.Scheme == Uri.UriSchemeHttps && to?.Scheme != Uri.UriSchemeHttps;
        bool foreign = to?.Scheme != Uri.UriSchemeHttp && to?.Scheme != Uri.UriSchemeHttps;
        if (to is null || hop == MaxRedirects || downgraded || foreign)
        {
            throw new ModelException(ModelErrorKind.UpstreamFailed,
                $"The service redirects more than {MaxRedirects} times, nowhere, or to an unsafe scheme.");
        }
        return to;
    }
}
