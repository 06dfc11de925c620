using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks.Schedules;

/// <summary>Routes of schedules.</summary>
internal static class ScheduleEndpoints
{
    public static void MapSchedules(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/taishang/tasks/schedules");
        group.MapGet("", ListAsync);
        group.MapPost("", CreateAsync).WithIdempotency();
        group.MapGet("/{id}", GetAsync);
        group.MapPut("/{id}", UpdateAsync);
        group.MapDelete("/{id}", DeleteAsync);
        group.MapPost("/{id}/pause", Pause(true)).WithoutBody();
        group.MapPost("/{id}/resume", Pause(false)).WithoutBody();
        group.MapPost("/{id}/run", RunAsync).WithoutBody().WithIdempotency();
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, ScheduleStore store, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, ScheduleStore.FilterFields, ScheduleStore.SortFields);
        int? paused = query.OneOf("paused", "true", "false") switch
        {
            "true" => 1,
            "false" => 0,
            _ => null,
        };
        var (rows, total) = await store.ListAsync(query, paused, cancellation);
        return Envelope.Page("schedules", rows.Select(ScheduleView.Of).ToList(), total);
    }

    private static async Task<IResult> CreateAsync(
        HttpContext context, Database database, ScheduleStore store, TaskExecutors executors, TaskTypes types,
        TimeProvider time, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<ScheduleCreateRequest>(context, cancellation);
        await types.LookAsync(body.Type, cancellation);
        var now = await database.ReadAsync(session => session.NowAsync(), cancellation);
        var row = ScheduleRequests.Make(body, executors, context.NewRowId(time), now);
        return Envelope.Created(ScheduleView.Of(await store.CreateAsync(row, cancellation)));
    }

    private static async Task<IResult> GetAsync(string id, ScheduleStore store, CancellationToken cancellation) =>
        Envelope.Ok(ScheduleView.Of(
            await store.FindAsync(Checked(id), cancellation) ?? throw ScheduleStore.NotFound(id)));

    private static async Task<IResult> UpdateAsync(
        string id, HttpContext context, ScheduleStore store, TaskExecutors executors, TaskTypes types,
        CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<ScheduleUpdateRequest>(context, cancellation);
        if (body == new ScheduleUpdateRequest())
            throw new ApiException(ErrorCodes.MissingField, "expected at least one field to change");
        await types.LookAsync((await store.FindAsync(Checked(id), cancellation))?.Type, cancellation);
        var row = await store.ChangeAsync(
            Checked(id), (row, now) => ScheduleRequests.Change(row, body, executors, now), cancellation);
        return Envelope.Ok(ScheduleView.Of(row));
    }

    private static async Task<IResult> DeleteAsync(string id, ScheduleStore store, CancellationToken cancellation)
    {
        await store.DeleteAsync(Checked(id), cancellation);
        return Envelope.Done();
    }

    private static Func<string, ScheduleStore, CancellationToken, Task<IResult>> Pause(bool paused) =>
        async (id, store, cancellation) => Envelope.Ok(ScheduleView.Of(await store.ChangeAsync(
            Checked(id), (row, now) => ScheduleRequests.Pause(row, paused, now), cancellation)));

    /// <summary>A task at once, beside its times.</summary>
    private static async Task<IResult> RunAsync(
        string id, HttpContext context, ScheduleStore store, TaskCreator creator, CancellationToken cancellation)
    {
        var row = await store.FindAsync(Checked(id), cancellation) ?? throw ScheduleStore.NotFound(id);
        var task = row.Task(null) with { Id = context.Features.Get<ReservedRowId>()?.Id, Actor = Actors.Api };
        var made = await creator.CreateAsync(task, cancellation);
        return made.WasLive ? Envelope.Ok(TaskView.Of(made)) : Envelope.Created(TaskView.Of(made));
    }

    /// <summary>What is no id is in no row, and PostgreSQL refuses some of it.</summary>
    private static string Checked(string id) =>
        RowId.TimeOf(id) is null ? throw ScheduleStore.NotFound(id) : id;
}
