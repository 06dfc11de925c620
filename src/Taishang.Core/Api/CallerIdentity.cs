using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api;

/// <summary>Who calls: what limits and budgets count by, and caches keep apart.</summary>
/// <param name="Tenant">As the caller says.</param>
/// <param name="KeyId">Of the bearer token, from which the token cannot be told.</param>
internal sealed record CallerIdentity(string Tenant, string KeyId)
{
    public const string TenantHeader = "X-Taishang-Tenant";
    public const string DefaultTenant = "default";
    public const string AnonymousKey = "anonymous";
    public const int TenantLengthMax = 100;

    private const string Bearer = "Bearer ";
    private const int KeyIdBytes = 8;

    /// <summary>Work that no request stands behind, such as a task.</summary>
    public static CallerIdentity Own { get; } = new(DefaultTenant, "server");

    /// <summary>Who says nothing of itself.</summary>
    public static CallerIdentity Nobody { get; } = new(DefaultTenant, AnonymousKey);

    /// <param name="context">null outside of a request.</param>
    /// <exception cref="ApiException">The tenant's header is no name of one.</exception>
    public static CallerIdentity Of(HttpContext? context)
    {
        if (context is null) return Own;
        return Find(context) ?? throw new ApiException(
            ErrorCodes.InvalidArgument,
            $"{TenantHeader}: expected one name of 1 to {TenantLengthMax} characters without control characters");
    }

    /// <summary>The same, worked out once for a request; null where the tenant's header is no name of one.</summary>
    public static CallerIdentity? Find(HttpContext context)
    {
        if (context.Features.Get<CallerIdentity>() is { } known) return known;
        if (TenantOf(context.Request.Headers) is not { } tenant) return null;
        var key = KeyIdOf(context.Request.Headers.Authorization);
        var caller = tenant == DefaultTenant && key == AnonymousKey ? Nobody : new CallerIdentity(tenant, key);
        context.Features.Set(caller);
        return caller;
    }

    private static string? TenantOf(IHeaderDictionary headers)
    {
        var given = headers[TenantHeader];
        if (given.Count == 0) return DefaultTenant;
        return given is [{ Length: > 0 and <= TenantLengthMax } tenant] && !tenant.Any(char.IsControl) ? tenant : null;
    }

    /// <summary>The first 16 hexadecimal digits of the token's SHA-256.</summary>
    private static string KeyIdOf(string? authorization)
    {
        if (authorization is null || !authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
            return AnonymousKey;
        var token = authorization.AsSpan(Bearer.Length).Trim();
        if (token.IsEmpty) return AnonymousKey;
        var bytes = new byte[Encoding.UTF8.GetByteCount(token)];
        Encoding.UTF8.GetBytes(token, bytes);
        return Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, KeyIdBytes));
    }
}
