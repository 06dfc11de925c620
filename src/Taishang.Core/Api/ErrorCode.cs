using Grpc.Core;

namespace Taishang.Core.Api;

/// <summary>One row of the error table: what a number in the envelope means, everywhere.</summary>
/// <param name="Number">Stable; the first digit is the domain (1 common, 2 models, 3 collections, 4 vectors, 5 tasks,
/// 6 service calls, 7 pipelines, 8 security, 9 ai upstream).</param>
/// <param name="Name">Stable, snake_case.</param>
/// <param name="HttpStatus">Tells the same truth as the number.</param>
/// <param name="GrpcStatus">The status that a worker sends with this number.</param>
/// <param name="Retriable">True when the same request may succeed later.</param>
/// <param name="Message">What is said when nothing more exact is known.</param>
public sealed record ErrorCode(
    int Number, string Name, int HttpStatus, StatusCode GrpcStatus, bool Retriable, string Message);
