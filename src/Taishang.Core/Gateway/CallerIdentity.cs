using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;

namespace Taishang.Core.Gateway;

/// <summary>Who calls a model: what budgets count by and caches keep apart.</summary>
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

    private static CallerIdentity Nobody { get; } = new(DefaultTenant, AnonymousKey);

    /// <param name="context">null outside of a request.</param>
    /// <exception cref="ApiException">The tenant's header is no name of one.</exception>
    public static CallerIdentity Of(HttpContext? context)
    {
        if (context is null) return Own;
        var tenant = TenantOf(context.Request.Headers);
        var key = KeyIdOf(context.Request.Headers.Authorization);
        return tenant == DefaultTenant && key == AnonymousKey ? Nobody : new CallerIdentity(tenant, key);
    }

    private static string TenantOf(IHeaderDictionary headers)
    {
        var given = headers[TenantHeader];
        if (given.Count == 0) return DefaultTenant;
        if (given is [{ Length: > 0 and <= TenantLengthMax } tenant] && !tenant.Any(char.IsControl)) return tenant;
        throw new ApiException(
            ErrorCodes.InvalidArgument,
            $"{TenantHeader}: expected one name of 1 to {TenantLengthMax} characters without control characters");
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
